"""Messages about the slots for monitors and ``edge status``: each change, and each outcome with its reason."""

from __future__ import annotations

from collections.abc import Callable

from edge.device.slots import Slots, SlotsState
from edge.device.slots.transitions import outcome_of
from edge.protocol.messages import Identity, Slot, SlotsMessage, TrialOutcome
from edge.protocol.messages.kinds import INT64


class DeploymentChanges:
    """Changes seen by one thread."""

    def __init__(self, slots: Slots, tell: Callable[[SlotsMessage], None]) -> None:
        self._slots, self._tell = slots, tell
        self._told = 0
        self._last: tuple[str, str, tuple[Slot, ...]] | None = None
        self._seen = INT64
        """Number of the last event that was told; those of before the start were."""

    def announce(self, state: SlotsState, identity: Identity) -> None:
        """Announces changes since the last call; each outcome, also where several came within one look.

        Raises StateError.
        """
        outcomes = self._outcomes()
        for outcome in outcomes[:-1]:
            self._say(state, identity, outcome)
        if outcomes or (state.active, state.trial, state.slots) != self._last:
            self._say(state, identity, state.outcome)
        self._last = state.active, state.trial, state.slots

    def _outcomes(self) -> list[TrialOutcome]:
        events = self._slots.history()
        before, self._seen = self._seen, max((event.number for event in events), default=0)
        return [outcome for event in events if event.number > before and (outcome := outcome_of(event))]

    def _say(self, state: SlotsState, identity: Identity, outcome: TrialOutcome | None) -> None:
        head = identity.head(self._told)
        self._told += 1
        self._tell(SlotsMessage(**head, active=state.active, trial=state.trial, slots=state.slots, outcome=outcome))
