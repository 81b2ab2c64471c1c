"""Transitions of the slots: from one table to the next. Nothing here touches the disk.

A move that is not allowed raises StateError, which says why and what to do instead.
"""

from __future__ import annotations

import time
from dataclasses import replace

from edge.device.slots.table import BAD, CANDIDATE, FACTORY, GOOD, NAMES, SlotEntry, SlotEvent, SlotTable
from edge.errors import StateError
from edge.protocol.messages import TrialOutcome

INSTALLED, TRIAL, ATTEMPT, COMMITTED = "installed", "trial", "attempt", "committed"
ROLLED_BACK, ACTIVATED, REFUSED, DAMAGED = "rolled back", "activated", "refused", "damaged"

FILE_LOST = "its file is damaged or gone"
POINTER_LOST = "the file that tells which slot is active was damaged"


def place_for(kept: SlotTable, sha256: str) -> str:
    """The slot that a new artifact goes into: never the active one, nor one on trial."""
    _check_no_trial(kept)
    free = [name for name in NAMES if name != kept.active]
    return min(free, key=lambda name: _worth(kept.held.get(name), sha256))


def _worth(held: SlotEntry | None, sha256: str) -> tuple[int, int]:
    """Worth of a slot; the least is overwritten first."""
    if held is None:
        return 1, 0
    if held.sha256 == sha256:
        return 0, 0
    return 2 + (BAD, CANDIDATE, GOOD).index(held.mark), held.installed_ns


def install(kept: SlotTable, name: str, held: SlotEntry, request: str = "") -> SlotTable:
    _check_no_trial(kept)
    if name == kept.active:
        raise StateError(f"slot {name} has become active meanwhile; install again")
    after = replace(kept, held=kept.held | {name: held})
    return _with_event(after, INSTALLED, name, held.source, request)


def begin_trial(kept: SlotTable, name: str, attempts: int, request: str = "") -> SlotTable:
    _check_no_trial(kept)
    held = _held(kept, name)
    if name == kept.active:
        raise StateError(f"slot {name} is active already; there is nothing to try")
    if held.mark == BAD:
        raise _is_bad(name, held)
    if attempts < 1:
        raise StateError(f"attempts: expected at least 1, got {attempts}")
    after = replace(kept, trial=name, attempts=attempts, request=request)
    return _with_event(after, TRIAL, name, f"{attempts} attempts", request)


def attempt(kept: SlotTable) -> SlotTable | None:
    """None when they are used up."""
    name = _on_trial(kept)
    if kept.attempts < 1:
        return None
    after = replace(kept, attempts=kept.attempts - 1)
    return _with_event(after, ATTEMPT, name, f"{after.attempts} left", kept.request)


def commit(kept: SlotTable, sha256: str = "") -> SlotTable:
    name = _on_trial(kept)
    if sha256 and kept.held[name].sha256 != sha256:
        raise StateError(f"slot {name}: another model is on trial there by now; that one was not judged")
    after = replace(_mark(kept, name, GOOD), active=name, trial="", attempts=0, request="")
    return _with_outcome(after, COMMITTED, name, "", kept.request)


def roll_back(kept: SlotTable, reason: str) -> SlotTable:
    """Ends a trial; without one, leaves the active slot for the other, or for the factory model."""
    name, request = kept.trial or kept.active, kept.request
    if name == FACTORY:
        raise StateError("the factory model runs and nothing is on trial; there is nothing to go back from")
    after = replace(_mark(kept, name, BAD, reason), trial="", attempts=0, request="")
    if not kept.trial:
        after = replace(after, active=_way_back(kept))
    return _with_outcome(after, ROLLED_BACK, name, reason, request)


def end_trial(kept: SlotTable, name: str, reason: str) -> SlotTable | None:
    """None when that slot is not on trial any more: the active one must not pay for it."""
    return roll_back(kept, reason) if kept.trial == name else None


def activate(kept: SlotTable, name: str, *, untried: bool = False) -> SlotTable:
    """``untried``: also a candidate, where there is nothing that it could do worse than (a first boot)."""
    _check_no_trial(kept)
    held = _held(kept, name)
    if held.mark == BAD:
        raise _is_bad(name, held)
    if held.mark == CANDIDATE and not untried:
        raise StateError(f"slot {name} was never tried; 'edge slots install' begins a trial")
    after = replace(_mark(kept, name, GOOD), active=name)
    return _with_event(after, ACTIVATED, name)


def refuse(kept: SlotTable, outcome: TrialOutcome) -> SlotTable:
    """An artifact that got into no slot is remembered all the same."""
    event = SlotEvent(
        kept.number + 1,
        outcome.wall_ns,
        REFUSED,
        "",
        outcome.model,
        outcome.version,
        outcome.sha256,
        outcome.reason,
        outcome.request,
    )
    return replace(kept, outcome=outcome, event=event)


def outcome_of(event: SlotEvent) -> TrialOutcome | None:
    """Outcome of a trial, or the reason why there was none; None for all that comes before."""
    if event.event not in (COMMITTED, ROLLED_BACK, REFUSED):
        return None
    return TrialOutcome(
        event.model, event.version, event.sha256, event.event, event.reason, event.wall_ns, event.request
    )


def lose(kept: SlotTable, name: str) -> SlotTable:
    """The file in a slot is damaged: whatever the slot was, it is not any more."""
    if name == kept.trial:
        return roll_back(kept, FILE_LOST)
    after = _mark(kept, name, BAD, FILE_LOST)
    if name == kept.active:
        after = replace(after, active=_way_back(kept))
    return _with_event(after, DAMAGED, name, FILE_LOST)


def recover(last: SlotTable) -> SlotTable:
    """From what the history knew last, where the pointer file is damaged. How a trial went on, nobody knows."""
    after = roll_back(last, POINTER_LOST) if last.trial else last
    event = SlotEvent(after.number + 1, time.time_ns(), DAMAGED, reason=POINTER_LOST)
    return replace(after, event=event)


def _way_back(kept: SlotTable) -> str:
    """The other slot, if it can be relied on."""
    good = (name for name, held in kept.held.items() if held.mark == GOOD and name not in (kept.active, kept.trial))
    return next(good, FACTORY)


def _mark(kept: SlotTable, name: str, mark: str, reason: str = "") -> SlotTable:
    held = replace(kept.held[name], mark=mark, reason=reason)
    return replace(kept, held=kept.held | {name: held})


def _with_event(kept: SlotTable, event: str, name: str, reason: str = "", request: str = "") -> SlotTable:
    held = kept.held[name]
    number = kept.number + 1
    told = SlotEvent(number, time.time_ns(), event, name, held.model, held.version, held.sha256, reason, request)
    return replace(kept, event=told)


def _with_outcome(kept: SlotTable, result: str, name: str, reason: str, request: str) -> SlotTable:
    after = _with_event(kept, result, name, reason, request)
    held, now_ns = kept.held[name], time.time_ns()
    outcome = TrialOutcome(held.model, held.version, held.sha256, result, reason, now_ns, request)
    return replace(after, outcome=outcome)


def _check_no_trial(kept: SlotTable) -> None:
    if kept.trial:
        raise StateError(f"slot {kept.trial} is on trial; wait for its end, or stop it with 'edge slots rollback'")


def _on_trial(kept: SlotTable) -> str:
    if not kept.trial:
        raise StateError("no slot is on trial; 'edge slots install' begins a trial")
    return kept.trial


def _held(kept: SlotTable, name: str) -> SlotEntry:
    if name not in NAMES:
        raise StateError(f"slot {name!r}: expected {' or '.join(NAMES)}")
    if name not in kept.held:
        raise StateError(f"slot {name} is empty; fill it with 'edge slots install'")
    return kept.held[name]


def _is_bad(name: str, held: SlotEntry) -> StateError:
    return StateError(f"slot {name} is bad ({held.reason}); 'edge slots install' tries the same file anew")
