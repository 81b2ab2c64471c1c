"""The actuator that takes rejected parts off the belt: what every kind of gate has in common."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from edge.gates.slack import SlackHistogram
from edge.inference.judgement import Judgement


class UnchangedError(OSError):
    """Raised by an output that is certainly as it was before, because it was not reached or has refused."""


class GateCondition(NamedTuple):
    """Condition of a gate now."""

    problem: str = ""
    """Why it cannot fire, and the way out; empty when it can."""
    faults: tuple[str, ...] = ()
    """Faults that the controller reports while they last: ``gate stuck``, ``eye blocked``, ``encoder silent``."""
    firmware: str = ""
    """The controller's, ``1.0.0``; empty where there is none, or it was not heard yet."""
    boots: int = 0
    """Number of times that the controller has started; 0 where there is none."""
    open_since_ns: int = 0
    """Wall clock since which the output may be on although it should be off; 0 when it is known to be off, or is on
    for a part."""


class Gate(Protocol):
    """Told of every judgement, in order, on the camera's decision thread: it must return at once.

    With several cameras it is called by several threads. ``slack`` tells how early the decisions came, and
    :meth:`counters` what became of them; both may be read by any thread, at any time.
    """

    slack: SlackHistogram

    def act(self, judgement: Judgement) -> None:
        """Raises nothing; a gate that fails counts and reports it in its own way."""
        ...

    def counters(self) -> dict[str, int]:
        """Counts since the start. Each kind has at least

        - ``rejected``, ``passed``: judgements to reject, and to let go;
        - ``fired``: rejected parts that the gate was opened for, as far as this kind can know;
        - ``missed``: rejected parts that it was not, and ``missed_REASON`` for each reason that occurred.

        Once it was closed, ``rejected == fired + missed``.
        """
        ...

    def condition(self) -> GateCondition:
        """From any thread."""
        ...

    def drive_off(self, within_s: float) -> bool:
        """Ends a pulse under way and waits, at most so many seconds, until the output is known to be off. Any thread
        may call it but the decision thread. False when it is not known, or when the gate has no output of its own."""
        ...

    def close(self) -> None:
        """Drives the output off, within a few seconds, and releases what it holds; what is still open counts as
        missed. Any number of times."""
        ...


class NoGate:
    """For lines that only watch: nothing is counted."""

    def __init__(self) -> None:
        self.slack = SlackHistogram()

    def act(self, judgement: Judgement) -> None:
        """Does nothing."""

    def counters(self) -> dict[str, int]:
        return {"rejected": 0, "passed": 0, "fired": 0, "missed": 0}

    def condition(self) -> GateCondition:
        return GateCondition()

    def drive_off(self, within_s: float) -> bool:
        """Nothing is on."""
        return True

    def close(self) -> None:
        """Does nothing."""
