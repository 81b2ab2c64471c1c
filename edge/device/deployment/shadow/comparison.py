"""A new model beside the active one, on the same pictures: who said what, and how long each took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from edge.device.config import SlotsConfig

QUICK_MS = 5.0
"""A model that takes no longer is quick enough, however quick the other one is."""
LATE_SHARE = 0.9
"""The quantile of the times that has to be within the deadline; the models are compared by their medians."""


@dataclass(frozen=True, slots=True)
class ShadowAnswer:
    """Answer of one model to a picture."""

    label: str
    reject: bool
    took_us: int
    """Preprocessing, model and decision, microseconds."""


class ShadowComparison:
    """Comparison made by one thread."""

    def __init__(self) -> None:
        self._active: list[ShadowAnswer] = []
        self._new: list[ShadowAnswer] = []

    @property
    def n(self) -> int:
        """Pictures."""
        return len(self._new)

    def add(self, active: ShadowAnswer, new: ShadowAnswer) -> None:
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
        """Usual latencies of the active and the new model: the medians."""
        return _ms(self._active, 0.5), _ms(self._new, 0.5)

    def objection(self, limits: SlotsConfig, deadline_ms: float) -> str:
        """Why the new model must not judge the line; empty when nothing speaks against it."""
        if self.n == 0:
            return ""
        if slow := self._slowness(limits.max_latency_ratio, deadline_ms):
            return slow
        if self.agreement < limits.min_agreement:
            return (
                f"agrees with the active model on {self.agreement:.0%} of {self.n} pictures, at least "
                f"{limits.min_agreement:.0%} are expected{self._other_names()}"
            )
        before, after = self.rejected
        if abs(after - before) > limits.reject_change:
            return f"rejects {after:.0%} of {self.n} pictures, the active one {before:.0%}"
        return ""

    def _slowness(self, max_times: float, deadline_ms: float) -> str:
        (active_ms, new_ms), late_ms = self.ms, _ms(self._new, LATE_SHARE)
        max_ms = max(QUICK_MS, max_times * active_ms)
        if new_ms > max_ms:
            return f"too slow: {new_ms:.1f} ms a picture, at most {max_ms:.1f}; the active one takes {active_ms:.1f}"
        if late_ms > deadline_ms:
            return f"too slow: every tenth picture takes {late_ms:.1f} ms, past the deadline of {deadline_ms:g} ms"
        return ""

    def _other_names(self) -> str:
        strange = {a.label for a in self._new} - {a.label for a in self._active}
        return f"; it also says {', '.join(sorted(strange)[:3])}" if strange else ""


def _rejected(answers: Sequence[ShadowAnswer]) -> float:
    return sum(answer.reject for answer in answers) / len(answers) if answers else 0.0


def _ms(answers: Sequence[ShadowAnswer], share: float) -> float:
    times = sorted(answer.took_us for answer in answers)
    return times[ceil(share * len(times)) - 1] / 1000 if times else 0.0
