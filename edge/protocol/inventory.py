"""Inventory of a device before an artifact is sent: one JSON object, from ``edge slots offer``."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from edge.protocol.messages import TrialOutcome


@dataclass(frozen=True, slots=True)
class RunningModel:
    """The model that a device runs first: in a slot, or its configuration's (``slot`` empty)."""

    model: str = ""
    version: int = 0
    sha256: str = ""
    """SHA-256 of the artifact's whole file; empty where the device does not tell."""
    slot: str = ""

    def __str__(self) -> str:
        return f"{self.model} v{self.version}" if self.version else self.model or "-"


@dataclass(frozen=True, slots=True)
class Inventory:
    device: str
    edge: str
    """Version of the SDK."""
    machine: str
    free_bytes: int | None
    """On the file system of the slots, for the user who asks."""
    have: int = 0
    """Bytes of the artifact that are there already."""
    path: str = ""
    """The artifact, where a slot holds it."""
    runs: RunningModel = field(default_factory=RunningModel)
    trial: str = ""
    """Slot on trial."""
    trial_sha256: str = ""
    request: str = ""
    """Name of whoever asked for that trial."""
    outcome: TrialOutcome | None = None
    """Outcome of the last trial."""
    require_signature: bool = True
    keys: tuple[str, ...] = ()
    """Ids of the keys that it trusts."""
    daemon: bool = False
    """It runs now."""
    problem: str = ""
    """Why it can take nothing."""


def last_object(text: str) -> dict[str, Any] | None:
    """The last line that is a JSON object: a shell's start-up files may print, too."""
    for line in reversed(text.splitlines()):
        if line.startswith("{"):
            try:
                found = json.loads(line)
            except ValueError:
                continue
            return found if isinstance(found, dict) else None
    return None
