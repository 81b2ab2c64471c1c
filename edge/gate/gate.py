"""The actuator that blows a rejected part off the belt."""

from __future__ import annotations

from collections import deque
from typing import Protocol

from edge.errors import ConfigError
from edge.judgement import Judgement
from edge.typed import nearest


class Gate(Protocol):
    """Told of every judgement, in order, on the camera's decision thread: it must return at once.

    With several cameras it is called by several threads.
    """

    def act(self, judgement: Judgement) -> None:
        """Raises nothing; a gate that fails counts and reports it in its own way."""
        ...

    def close(self) -> None: ...


class NoGate:
    """For lines that only watch."""

    def act(self, judgement: Judgement) -> None:
        """Does nothing."""

    def close(self) -> None:
        """Does nothing."""


class SimulatedGate:
    """Remembers what it would have blown off: ``fired`` counts, ``last`` holds the numbers of the latest parts."""

    def __init__(self) -> None:
        self.fired = 0
        self.passed = 0
        self.last: deque[int] = deque(maxlen=1000)

    def act(self, judgement: Judgement) -> None:
        if judgement.decision.reject:
            self.fired += 1
            self.last.append(judgement.part)
        else:
            self.passed += 1

    def close(self) -> None:
        """Nothing to release."""


def open_gate(uri: str) -> Gate:
    """``none`` or ``sim://``. Raises ConfigError for another kind."""
    kinds: dict[str, type[NoGate] | type[SimulatedGate]] = {"none": NoGate, "sim://": SimulatedGate}
    if uri not in kinds:
        raise ConfigError(f"gate {uri!r}: no such kind; {nearest(uri, list(kinds))}")
    return kinds[uri]()
