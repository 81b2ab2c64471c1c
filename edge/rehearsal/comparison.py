"""A new model beside the active one, on the same pictures: who said what, and how long each took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge.config import SlotsConfig

QUICK_MS = 5.0
"""A model that takes no longer is quick enough, however quick the other one is."""
SHARE = 0.9
"""The quantile of the times: one picture in a hundred that something else held up says nothing of the model."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one model said of a picture."""

    label: str
    reject: bool
    took_us: int
    """Preprocessing, model and decision, microseconds."""


class Comparison:
    """Of one thread."""

    def __init__(self) -> None:
        self._active: list[Answer] = []
        self._new: list[Answer] = []

    @property
    def n(self) -> int:
        """Pictures."""
        return len(self._new)

    def add(self, active: Answer, new: Answer) -> None:
        self._active.append(active)
        self._new.append(new)

    @property
    def agreement(self) -> float:
        """Share of the pictures with the same label; 1 where there was none."""
        same = sum(a.label == b.label for a, b in zip(self._active, self._new, strict=True))
        return same / self.n if self.n else 1.0

    @property
    def rejected(self) -> tuple[float, float]:
        """Shares that the active and the new model reject."""
        return _rejected(self._active), _rejected(self._new)

    @property
    def ms(self) -> tuple[float, float]:
        """What the active and the new model take for nine pictures in ten."""
        return _ms(self._active), _ms(self._new)

    def objection(self, limits: SlotsConfig, deadline_ms: float) -> str:
        """Why the new model must not judge the line; empty when nothing speaks against it."""
        if self.n == 0:
            return ""
        active_ms, new_ms = self.ms
        most_ms = min(deadline_ms, max(QUICK_MS, limits.most_latency * active_ms))
        if new_ms > most_ms:
            return f"too slow: {new_ms:.1f} ms a picture, at most {most_ms:.1f}; the active one takes {active_ms:.1f}"
        if self.agreement < limits.least_agreement:
            return (
                f"agrees with the active model on {self.agreement:.0%} of {self.n} pictures, at least "
                f"{limits.least_agreement:.0%} are expected{self._other_names()}"
            )
        before, after = self.rejected
        if abs(after - before) > limits.reject_change:
            return f"rejects {after:.0%} of {self.n} pictures, the active one {before:.0%}"
        return ""

    def _other_names(self) -> str:
        strange = {a.label for a in self._new} - {a.label for a in self._active}
        return f"; it also says {', '.join(sorted(strange)[:3])}" if strange else ""


def _rejected(answers: Sequence[Answer]) -> float:
    return sum(answer.reject for answer in answers) / len(answers) if answers else 0.0


def _ms(answers: Sequence[Answer]) -> float:
    times = sorted(answer.took_us for answer in answers)
    return times[min(len(times) - 1, int(SHARE * len(times)))] / 1000 if times else 0.0
