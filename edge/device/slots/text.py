"""The slots as people and programs read them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from edge.core.structs import plain
from edge.device.slots.state import SlotsState
from edge.device.slots.table import SlotEvent
from edge.protocol.messages import Slot, TrialOutcome

_DIGITS = 12
"""Digits of a SHA-256 in a table."""


def facts(state: SlotsState) -> dict[str, Any]:
    """For JSON. ``active`` and ``trial`` are names, or empty: the factory model, and none."""
    return {
        "active": state.active,
        "trial": state.trial,
        "attempts": state.attempts,
        "request": state.request,
        "slots": [_slot_facts(state, slot) for slot in state.slots],
        "outcome": plain(state.outcome) if state.outcome else None,
        "problems": list(state.problems),
    }


def lines(state: SlotsState) -> Iterator[str]:
    """A table of the slots, and what is to be said of them."""
    yield f"{'slot':<5} {'state':<10} {'model':<24} {'sha256':<{_DIGITS}} {'MB':>7}  {'installed':<19}  by"
    yield from (_slot_line(state, slot) for slot in state.slots)
    yield running(state)
    if state.trial:
        yield f"on trial: slot {state.trial}, {state.attempts} more loads allowed"
    if state.outcome:
        yield f"last outcome: {outcome_line(state.outcome)}"
    yield from (f"! {problem}" for problem in state.problems)


def running(state: SlotsState) -> str:
    """One line: which model runs when nothing is on trial."""
    if not state.active:
        return "active: the factory model, model.path of the configuration"
    held = state.held[state.active]
    return f"active: slot {state.active}, {named(held.model, held.version)}"


def outcome_line(outcome: TrialOutcome) -> str:
    return f"{clock(outcome.wall_ns)} {named(outcome.model, outcome.version)} {outcome.result}{_why(outcome.reason)}"


def event_line(event: SlotEvent) -> str:
    """Line of the history."""
    what = f"{event.event:<11} {event.slot or '-'} {named(event.model, event.version) if event.model else ''}"
    return f"{clock(event.wall_ns)} {what}{_why(event.reason)}"


def named(model: str, version: int) -> str:
    """The model and its version; a foreign one has none."""
    return f"{model} v{version}" if version else model


def clock(wall_ns: int) -> str:
    """Local time."""
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(wall_ns / 1e9))
    except (OverflowError, ValueError, OSError):
        return "unknown"


def _slot_facts(state: SlotsState, slot: Slot) -> dict[str, Any]:
    held = state.held.get(slot.name)
    known: dict[str, Any] = plain(slot)
    return known if held is None else plain(held) | known | {"file": str(state.files[slot.name])}


def _slot_line(state: SlotsState, slot: Slot) -> str:
    held = state.held.get(slot.name)
    if held is None:
        return f"{slot.name:<5} empty"
    model, digest = named(slot.model, slot.version), slot.sha256[:_DIGITS]
    line = f"{slot.name:<5} {slot.state:<10} {model:<24} {digest} {held.size / 1e6:>7.1f}  {clock(held.installed_ns)}"
    return f"{line}  {held.source or '-'}{_why(held.reason)}"


def _why(reason: str) -> str:
    return f": {reason}" if reason else ""
