"""Waiting for the end of a trial that a daemon holds."""

from __future__ import annotations

import time
from collections.abc import Callable

from edge.device.slots.install import Installed
from edge.device.slots.slots import Slots
from edge.device.slots.state import SlotsState
from edge.device.slots.transitions import outcome_of
from edge.errors import StateError
from edge.protocol.messages import TrialOutcome

POLL_S = 0.1
AWAY_S = 60.0
"""A daemon that was there and ended may have been brought down by the model; systemd starts it again."""


def wait_for_end(
    slots: Slots,
    installed: Installed,
    within_s: float,
    say: Callable[[str], None],
    running: Callable[[], bool],
    away_s: float = AWAY_S,
) -> TrialOutcome | None:
    """Waits for the outcome of the trial; None where no daemon runs, and so it goes on at the next start.

    ``say`` hears of each change; ``running`` tells whether a daemon is there to hold the trial. Raises StateError
    when it has not ended within ``within_s`` seconds; the trial then goes on.
    """
    began, seen_s, told = time.monotonic(), None, ""
    while _on_trial(state := slots.state(), installed):
        line = f"slot {state.trial}: on trial, {state.attempts} more loads allowed"
        if line != told:
            say(line)
            told = line
        now_s = time.monotonic()
        if running():
            seen_s = now_s
        elif seen_s is None or now_s - seen_s >= away_s:
            return None
        if now_s - began >= within_s:
            raise StateError(f"slot {installed.slot}: still on trial after {within_s:g} s; see 'edge slots list'")
        time.sleep(POLL_S)
    return _outcome(slots, installed)


def _on_trial(state: SlotsState, installed: Installed) -> bool:
    return state.trial == installed.slot and state.held[state.trial].sha256 == installed.sha256


def _outcome(slots: Slots, installed: Installed) -> TrialOutcome:
    """From the history: there may be a newer outcome, of something else."""
    for event in reversed(slots.history()):
        outcome = outcome_of(event)
        if outcome is not None and (event.slot, event.sha256) == (installed.slot, installed.sha256):
            return outcome
    raise StateError(f"slot {installed.slot}: nobody knows how its trial ended; see 'edge slots history'")
