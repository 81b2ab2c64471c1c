"""A device's models come and go: the steps of it, and what each must leave."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.device.slots import Slots

BLOCK = 40_000


@dataclass(frozen=True)
class Candidate:
    """As :class:`edge.trust.Admitted`."""

    path: Path
    version: int
    sha256: str
    size: int
    model: str = "cookie"
    key: str = ""


def candidate(folder: Path, version: int) -> Candidate:
    """A file that stands for an artifact: the slots do not look into it."""
    data = bytes([version]) * BLOCK
    path = folder / f"{version}.tflite"
    if not path.exists():
        path.write_bytes(data)
    return Candidate(path, version, hashlib.sha256(data).hexdigest(), len(data))


def put(slots: Slots, artifacts: Path, version: int) -> str:
    found = candidate(artifacts, version)
    return slots.put(found.path, found)


Step = Callable[[Slots, Path], object]
STEPS: dict[str, Step] = {
    "put": lambda slots, artifacts: put(slots, artifacts, 3),
    "begin_trial": lambda slots, _: slots.begin_trial(_name_of(slots, 3), 2),
    "attempt": lambda slots, _: slots.attempt(),
    "another attempt": lambda slots, _: slots.attempt(),
    "commit": lambda slots, _: slots.commit(),
    "activate": lambda slots, _: slots.activate(_name_of(slots, 2)),
    "put a second": lambda slots, artifacts: put(slots, artifacts, 4),
    "begin a second": lambda slots, _: slots.begin_trial(_name_of(slots, 4), 2),
    "attempt a second": lambda slots, _: slots.attempt(),
    "roll_back": lambda slots, _: slots.roll_back("too slow"),
}
"""One after the other, on slots where version 2 is active and version 1 was before."""


def _name_of(slots: Slots, version: int) -> str:
    return next(slot.name for slot in slots.state().slots if slot.version == version)


def prepare(slots: Slots, artifacts: Path) -> None:
    """Where the steps begin."""
    for version in (1, 2):
        slots.begin_trial(put(slots, artifacts, version))
        slots.commit()


def view(slots: Slots) -> dict[str, Any]:
    """All that the steps change, but for times. Fails unless there is exactly one active slot, whole."""
    state = slots.state()
    assert state.problems == ()
    active = [slot for slot in state.slots if slot.state == "active"]
    assert [slot.name for slot in active] == [state.active]
    assert hashlib.sha256(state.files[state.active].read_bytes()).hexdigest() == active[0].sha256
    return {
        "slots": {slot.name: (slot.version, slot.state) for slot in state.slots},
        "trial": state.trial,
        "attempts": state.attempts,
        "outcome": state.outcome and (state.outcome.version, state.outcome.result, state.outcome.reason),
    }


def expected(folder: Path) -> list[dict[str, Any]]:
    """The view before the first step, and after each."""
    slots, artifacts = Slots(folder / "slots"), folder
    prepare(slots, artifacts)
    seen = [view(slots)]
    run(slots, artifacts, lambda _: seen.append(view(slots)))
    return seen


def can_go_on(slots: Slots, artifacts: Path) -> None:
    """Fails unless the next installation works, leaves nothing but two models, and the history knows everything."""
    if slots.settle().trial:
        slots.roll_back("cut off")
    slots.begin_trial(put(slots, artifacts, 9))
    assert slots.attempt()
    slots.commit()
    state = slots.state()
    assert (state.held[state.active].version, state.problems) == (9, ())
    assert set(slots.folder.glob("[AB]/*")) == set(state.files.values())
    assert not list(slots.folder.glob("**/.*"))
    numbers = [event.number for event in slots.history()]
    assert numbers == list(range(1, len(numbers) + 1))


def run(slots: Slots, artifacts: Path, done: Callable[[int], None]) -> None:
    """All steps; ``done`` hears how many are through."""
    for number, step in enumerate(STEPS.values()):
        step(slots, artifacts)
        done(number + 1)
