"""Which model a start begins with: the active slot's, else the factory model. Only where there is neither, the one
on trial: else that comes later, by the same way at a start as at any other time.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from edge.assembly import load_chain
from edge.chain import Chain
from edge.config import Config
from edge.errors import ArtifactError, ConfigError, StateError
from edge.slots import FACTORY, FOLDER, Slots, SlotsState

log = logging.getLogger(__name__)

CRASH_LOOP = "crash loop: the daemon ended in each of its attempts to run it"


@dataclass(frozen=True, slots=True)
class Start:
    """The chain that the line begins with."""

    chain: Chain
    slot: str
    """Its name; empty: the factory model."""
    sha256: str = ""
    """Of the slot's artifact; empty: the factory model."""
    trial: bool = False
    """There is nothing to fall back to."""


def begin(config: Config, slots: Slots) -> Start:
    """Raises ConfigError where there is no model at all; ArtifactError, MissingError, StateError."""
    state = slots.settle()
    while state.active != FACTORY:
        try:
            return _of_slot(config, state, state.active)
        except ArtifactError as error:
            log.error("slot %s does not run any more: %s", state.active, error)  # noqa: TRY400
            state = _without_active(slots, state, str(error))
    if config.model.path is None and state.trial:
        return _only_trial(config, slots, state)
    return Start(load_chain(config), FACTORY)


def active_file(config: Config) -> Path | None:
    """The active slot's artifact; None where the factory model runs. Raises StateError."""
    state = Slots(config.device.state / FOLDER).state()
    return state.files[state.active] if state.active != FACTORY else None


def _of_slot(config: Config, state: SlotsState, name: str, trial: bool = False) -> Start:
    return Start(load_chain(config, state.files[name]), name, state.held[name].sha256, trial)


def _without_active(slots: Slots, before: SlotsState, reason: str) -> SlotsState:
    """Raises StateError when the disk keeps no note of it: the next start would not know better."""
    slots.roll_back(f"does not run at the start: {reason}")
    after = slots.state()
    if (after.active, after.trial) == (before.active, before.trial):
        raise StateError(f"slot {before.active}: {reason}; and it cannot be left")
    return after


def _only_trial(config: Config, slots: Slots, state: SlotsState) -> Start:
    name, reason = state.trial, CRASH_LOOP
    if slots.attempt():
        try:
            return _of_slot(config, state, name, trial=True)
        except ArtifactError as error:
            reason = str(error)
    slots.roll_back(reason)
    raise ConfigError(f"model.path: missing, and the only model, slot {name}, was rolled back: {reason}")
