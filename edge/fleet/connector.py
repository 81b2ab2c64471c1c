"""Connectors: what every way to a device can do, and what it says of it.

A way is one module (``ssh``, ``folder``, ``mqtt``) with a class that is a :class:`Connector` and a function that
makes one of a target's text; :mod:`edge.fleet.factory` knows which module is for which scheme. A target may stand for
several devices (a group over MQTT), so that both answers are sequences: one item a device.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from edge.fleet.bundle import Bundle
from edge.protocol.inventory import RunningModel

DeployStage = Literal["looking", "sending", "waiting", "trial", "done"]
"""``waiting`` is for a dropped connection to be tried again, or for a stage of a roll-out."""
Ending = Literal["committed", "installed", "unchanged", "rolled back", "refused", "failed", "stopped"]
"""``installed``: the trial begins with the daemon's next start. ``unchanged``: the device ran it before."""

GOOD: tuple[Ending, ...] = ("committed", "installed", "unchanged")


@dataclass(frozen=True, slots=True)
class Inspection:
    """One device before anything is sent."""

    target: str
    device: str = ""
    """Name that the device calls itself."""
    edge: str = ""
    """Version of the SDK there."""
    machine: str = ""
    """``platform.machine()`` there."""
    free_bytes: int | None = None
    runs: RunningModel = field(default_factory=RunningModel)
    trial: str = ""
    """Slot that is on trial now."""
    problem: str = ""
    """Why nothing can be delivered, and the way out; empty when it can."""
    unchanged: bool = False
    """It runs the very artifact already."""


@dataclass(frozen=True, slots=True)
class DeployResult:
    """Outcome for one device."""

    target: str
    result: Ending
    reason: str = ""
    device: str = ""
    before: RunningModel = field(default_factory=RunningModel)
    after: RunningModel = field(default_factory=RunningModel)
    sent_bytes: int = 0
    """Bytes of the artifact sent over the way to the device, in all attempts."""
    seconds: float = 0.0

    @property
    def good(self) -> bool:
        return self.result in GOOD


@dataclass(frozen=True, slots=True)
class DeployStep:
    """Progress of one target; ``done`` of ``total`` bytes while it is ``sending``."""

    target: str
    stage: DeployStage
    done: int = 0
    total: int = 0
    detail: str = ""


Tell = Callable[[DeployStep], None]
"""May be called from any thread."""


class Connector(Protocol):
    """One target. Its methods are called from a thread of its own, first :meth:`look`; what is wrong with a device is
    not raised but reported.
    """

    @property
    def target(self) -> str:
        """Target as the user wrote it."""

    @property
    def key(self) -> str:
        """The same for two spellings of one target."""

    def look(self, bundle: Bundle | None, tell: Tell) -> Sequence[Inspection]:
        """Inspects the target, and whether ``bundle`` could be delivered; nothing is changed."""

    def deliver(self, bundle: Bundle, seen: Sequence[Inspection], tell: Tell) -> Sequence[DeployResult]:
        """Brings the artifact there and waits for how its trial ends."""

    def stop(self) -> None:
        """From another thread: both methods return soon, and say in which state the device is left."""
