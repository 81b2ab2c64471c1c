"""The model slots in a few lines of the status page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from edge.device.slots.text import named, outcome_line
from edge.protocol.messages import Slot, TrialOutcome


class SlotsReport(Protocol):
    """The message ``slots`` of a daemon that runs, and :class:`edge.device.slots.SlotsState` of one that does not."""

    @property
    def slots(self) -> Sequence[Slot]: ...
    @property
    def outcome(self) -> TrialOutcome | None: ...


def slot_lines(told: SlotsReport | None) -> Iterator[tuple[str, str]]:
    """None where no slot was ever used."""
    if told is None or not (told.outcome or any(slot.sha256 for slot in told.slots)):
        return
    yield "slots", ", ".join(_slot(slot) for slot in told.slots)
    if told.outcome is not None:
        yield "", f"last outcome: {outcome_line(told.outcome)}"


def _slot(slot: Slot) -> str:
    if not slot.sha256:
        return f"{slot.name} empty"
    state = {"active": "ACTIVE", "trial": "ON TRIAL"}.get(slot.state, slot.state)
    return f"{slot.name} {named(slot.model, slot.version)} {state}"
