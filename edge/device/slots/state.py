"""State of the slots for readers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.device.slots.table import NAMES, SlotEntry, SlotEvent, SlotTable
from edge.protocol.messages import Slot, TrialOutcome


@dataclass(frozen=True, slots=True)
class SlotsState:
    """State of the slots that can be relied on: damaged files are accounted for already."""

    active: str
    """A name, or empty: the factory model."""
    trial: str
    """A name, or empty: none."""
    attempts: int
    """Loads that the slot on trial has left."""
    request: str
    """Name of whoever asked for the trial."""
    slots: tuple[Slot, ...]
    """Each of them, as the message ``slots`` has it."""
    held: Mapping[str, SlotEntry]
    """By name, without the empty ones."""
    files: Mapping[str, Path]
    """Their artifacts; a bad slot's may be damaged or gone."""
    outcome: TrialOutcome | None
    """Outcome of the last trial or refusal."""
    problems: tuple[str, ...]
    """Damage that was found and is not yet written down; :meth:`Slots.settle` does."""


def told(steps: Sequence[SlotTable], path: Callable[[str, str], Path]) -> SlotsState:
    """``steps``: what the disk knows, then one memory after each repair. ``path``: of a slot's name and a SHA-256."""
    kept = steps[-1]
    return SlotsState(
        active=kept.active,
        trial=kept.trial,
        attempts=kept.attempts,
        request=kept.request,
        slots=tuple(_slot(kept, name) for name in NAMES),
        held=kept.held,
        files={name: path(name, held.sha256) for name, held in kept.held.items()},
        outcome=kept.outcome,
        problems=tuple(problem(step) for step in steps[1:]),
    )


def problem(repaired: SlotTable) -> str:
    """Reason for the repair, in a few words."""
    event = repaired.event or SlotEvent(0, 0, "")
    return f"slot {event.slot}: {event.reason}" if event.slot else event.reason


def _slot(kept: SlotTable, name: str) -> Slot:
    held = kept.held.get(name)
    if held is None:
        return Slot(name)
    state = {kept.active: "active", kept.trial: "trial"}.get(name, held.mark)
    return Slot(name, held.model, held.version, held.sha256, state)
