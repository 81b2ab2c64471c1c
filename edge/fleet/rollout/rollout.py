"""A staged roll-out: the model is desired on one device, then on more, for as long as the trials end well.

Each stage waits until all of its devices have said how their trial ended. What a roll-out knows it has from the
broker's retained messages, so a second one goes on where the first broke off.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from edge.fleet.rollout.console import RolloutConsole
from edge.fleet.rollout.fleet import Member
from edge.protocol.desired import Desired
from edge.protocol.topics import desired_topic
from edge.protocol.transport import Outgoing

GRACE_S = 2.0
"""So long it takes at most until a device that has begun its trial meanwhile has said so."""
How = Literal["committed", "rolled back", "refused", "failed", "stopped"]
FAILURES: tuple[How, ...] = ("rolled back", "refused", "failed")


@dataclass(frozen=True, slots=True)
class DeviceOutcome:
    """Outcome for one device."""

    how: How
    reason: str = ""
    waits: bool = False
    """The model is still desired there: it may take it later."""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Limits:
    stage_s: float = 600.0
    """For each stage, from its first message to the end of its last trial."""
    away_s: float = 30.0
    """When only devices that are offline are waited for, so long."""
    max_failures: int = 0
    """More devices than that end the roll-out."""


@dataclass(slots=True)
class Rollout:
    """Used once, by one thread; :meth:`stop` by any."""

    console: RolloutConsole
    root: str
    desired: Desired
    """Its id is the roll-out's; a device on which the same artifact waits under another id keeps that one."""
    limits: Limits
    tell: Callable[[str], None]
    """Callback that hears of each change, in a few words."""
    ends: dict[str, DeviceOutcome] = field(default_factory=dict)
    _ids: dict[str, str] = field(default_factory=dict)
    _stopped: bool = False
    _said: str = ""
    _alone_since: float = 0.0

    @property
    def id(self) -> str:
        return self.desired.id

    def stop(self) -> None:
        """:meth:`run` returns soon, with a word on each device."""
        self._stopped = True

    def run(self, stages: Sequence[Sequence[str]]) -> dict[str, DeviceOutcome]:
        """By device; those that no stage has reached are not in it. Raises LinkError."""
        for number, devices in enumerate(stages, 1):
            if self._over:
                break
            self._run_stage(devices, f"stage {number} of {len(stages)}")
        self._take_back()
        return self.ends

    @property
    def failures(self) -> int:
        return sum(end.how in FAILURES and not end.waits for end in self.ends.values())

    @property
    def _over(self) -> bool:
        return self._stopped or self.failures > self.limits.max_failures

    def _run_stage(self, devices: Sequence[str], name: str) -> None:
        began = time.monotonic()
        for device in devices:
            self._desire(device)
        while pending := [device for device in devices if device not in self.ends]:
            for device in pending:
                self._look_at(device, began)
            self._say(name, devices)
            if self._over:
                self._break_off(devices, began)
                return
            if self._patience_ends(devices, began):
                self._time_is_up(devices, began)
                return
            if any(device not in self.ends for device in devices):
                self.console.turn()

    def _patience_ends(self, devices: Sequence[str], began: float) -> bool:
        now = time.monotonic()
        if any(device not in self.ends and self._member(device).online for device in devices):
            self._alone_since = now
        since = max(began, self._alone_since)
        return now - began >= self.limits.stage_s or now - since >= self.limits.away_s

    def _member(self, device: str) -> Member:
        return self.console.fleet.members[device]

    def _desire(self, device: str) -> None:
        """Nothing is said twice: a device that has heard it goes on with it."""
        before = self._member(device).desired
        same = before is not None and replace(before, id=self.id) == self.desired
        if before is not None and same and before.id not in self._member(device).outcomes:
            self._ids[device] = before.id
            return
        self._ids[device] = self.id
        self._put(device, self.desired.to_json())

    def _put(self, device: str, payload: bytes) -> None:
        self.console.put(Outgoing(desired_topic(self.root, device), payload, retain=True))

    def _look_at(self, device: str, began: float) -> None:
        member, seconds = self._member(device), time.monotonic() - began
        outcome = member.outcomes.get(self._ids[device])
        if outcome is not None:
            self.ends[device] = DeviceOutcome(_how(outcome.result), outcome.reason, seconds=seconds)
        elif member.runs(self.desired.sha256):
            self.ends[device] = DeviceOutcome("committed", seconds=seconds)

    def _say(self, name: str, devices: Sequence[str]) -> None:
        good = sum(device in self.ends and self.ends[device].how == "committed" for device in devices)
        trials = sum(device not in self.ends and self._on_trial(device) for device in devices)
        bad = sum(device in self.ends for device in devices) - good
        said = f"{name}: {good} of {len(devices)} committed"
        said += f", {trials} on trial" if trials else ""
        said += f", {bad} failed" if bad else ""
        if said != self._said:
            self.tell(said)
            self._said = said

    def _on_trial(self, device: str) -> bool:
        trial = self._member(device).trial
        return trial is not None and trial.sha256 == self.desired.sha256

    def _time_is_up(self, devices: Sequence[str], began: float) -> None:
        """Ends a stage: devices that are away may take the model when they are back; those that are there and have
        not ended have failed."""
        for device in devices:
            if device in self.ends:
                continue
            seconds = time.monotonic() - began
            if not self._member(device).online:
                reason = "offline; the model waits for it at the broker"
                self.ends[device] = DeviceOutcome("failed", reason, waits=True, seconds=seconds)
            else:
                where = "its trial has not ended" if self._on_trial(device) else "it has not begun its trial"
                self.ends[device] = DeviceOutcome(
                    "failed", f"{where} within {self.limits.stage_s:g} s", seconds=seconds
                )

    def _break_off(self, devices: Sequence[str], began: float) -> None:
        """Breaks off: devices that have not begun their trial are not to begin it; the others are waited for, unless
        a person is impatient."""
        for device in devices:
            if device not in self.ends and not self._on_trial(device):
                self._put(device, b"")
        since = time.monotonic()
        while pending := [device for device in devices if device not in self.ends]:
            for device in pending:
                self._look_at(device, began)
            patient = not self._stopped and any(map(self._on_trial, pending))
            max_s = self.limits.stage_s if patient else GRACE_S
            if time.monotonic() - since >= max_s:
                break
            self.console.turn()
        why = "interrupted" if self._stopped else f"stopped after {self.failures} failures"
        for device in devices:
            if device not in self.ends:
                where = "its trial goes on, it decides by itself" if self._on_trial(device) else "taken back"
                self.ends[device] = DeviceOutcome("stopped", f"{why}; {where}", seconds=time.monotonic() - began)

    def _take_back(self) -> None:
        """Nothing stays desired of those that have ended: who lost its card would ask in vain for what is gone."""
        ended = [device for device in self._ids if device in self.ends and not self.ends[device].waits]
        for device in {*ended, *(device for device in self._asked if self._member(device).runs(self.desired.sha256))}:
            self._put(device, b"")

    @property
    def _asked(self) -> list[str]:
        """Devices on which this artifact is desired, by whomever."""
        members = self.console.fleet.members.items()
        return [
            device for device, member in members if member.desired and member.desired.sha256 == self.desired.sha256
        ]

    @property
    def waiting(self) -> bool:
        """Whether a device may still ask for the artifact, in this roll-out or another one."""
        others = [device for device in self._asked if not self._member(device).runs(self.desired.sha256)]
        return any(device not in self._ids for device in others) or any(end.waits for end in self.ends.values())


def new_id(sha256: str) -> str:
    """Id of a roll-out that was never used before."""
    return f"{sha256[:8]}-{secrets.token_hex(4)}"


def _how(result: str) -> How:
    return "committed" if result == "committed" else "rolled back" if result == "rolled back" else "refused"
