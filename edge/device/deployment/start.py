"""Which model a start begins with: the active slot's, else the factory model. Only where there is neither, the one
on trial: else that comes later, by the same way at a start as at any other time.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from edge.device.assembly import load_cascade
from edge.device.config import Config
from edge.device.deployment.crash_loop import MOST, CrashLoop
from edge.device.slots import FACTORY, FOLDER, Slots, SlotsState
from edge.device.slots.table import GOOD
from edge.errors import ArtifactError, ConfigError, StateError
from edge.inference.cascade import Cascade

log = logging.getLogger(__name__)

CRASH_LOOP = "crash loop: the daemon ended in each of its attempts to run it"
BROUGHT_DOWN = "crash loop: it was committed, and brought the daemon down {} times in a row"


@dataclass(slots=True)
class StartModels:
    """The cascade that the line begins with."""

    cascade: Cascade | None
    slot: str
    """Its name; empty: the factory model."""
    sha256: str = ""
    """SHA-256 of the slot's artifact; empty: the factory model."""
    trial: bool = False
    """There is nothing to fall back to."""

    def take(self) -> Cascade:
        """Once: nobody else may hold on to a model that will be swapped away and must leave the memory."""
        cascade, self.cascade = self.cascade, None
        assert cascade is not None
        return cascade


def begin(config: Config, slots: Slots) -> StartModels:
    """Raises ConfigError where there is no model at all; ArtifactError, MissingError, StateError."""
    state = slots.settle()
    while state.active != FACTORY:
        reason = _crash_loop(config, slots, state)
        if not reason:
            try:
                return _of_slot(config, state, state.active)
            except ArtifactError as error:
                reason = f"does not run at the start: {error}"
        log.error("slot %s is left: %s", state.active, reason)
        state = _without_active(slots, state, reason)
    if config.model.path is None and state.trial:
        return _only_trial(config, slots, state)
    return StartModels(load_cascade(config), FACTORY)


def active_file(config: Config) -> Path | None:
    """The active slot's artifact; None where the factory model runs. Raises StateError."""
    state = Slots(config.device.state / FOLDER).state()
    return state.files[state.active] if state.active != FACTORY else None


def _crash_loop(config: Config, slots: Slots, state: SlotsState) -> str:
    """Why the active slot is not to be tried again, where there is another model; else empty. A trial that waits is
    not ended for it: it may be the remedy.
    """
    ends = CrashLoop(slots.folder).ends(state.held[state.active].sha256)
    others = [name for name, held in state.held.items() if name != state.active and held.mark == GOOD]
    can_leave = not state.trial and (others or config.model.path is not None)
    return BROUGHT_DOWN.format(ends) if ends >= MOST and can_leave else ""


def _of_slot(config: Config, state: SlotsState, name: str, trial: bool = False) -> StartModels:
    return StartModels(load_cascade(config, state.files[name]), name, state.held[name].sha256, trial)


def _without_active(slots: Slots, before: SlotsState, reason: str) -> SlotsState:
    """Raises StateError when the disk keeps no note of it: the next start would not know better."""
    slots.roll_back(reason)
    after = slots.state()
    if (after.active, after.trial) == (before.active, before.trial):
        raise StateError(f"slot {before.active}: {reason}; and it cannot be left")
    return after


def _only_trial(config: Config, slots: Slots, state: SlotsState) -> StartModels:
    name, reason = state.trial, CRASH_LOOP
    if slots.attempt():
        try:
            return _of_slot(config, state, name, trial=True)
        except ArtifactError as error:
            reason = str(error)
    slots.roll_back(reason)
    raise ConfigError(f"model.path: missing, and the only model, slot {name}, was rolled back: {reason}")
