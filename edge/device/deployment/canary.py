"""A new model on the line: when it has proved itself, and when it has to go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Literal

from edge.device.config import SlotsConfig
from edge.device.health import Distribution
from edge.device.pipeline import Accounts, JudgedPart

LEAST = 30
"""Parts, before anything is said of a share."""
LATE_SHARE = 0.01
"""p99 within the deadline: so many may be later."""
DROPS_CHANGE = 0.05
"""By how much the share of frames that nobody looked at may grow."""
PAUSE_S = 1.0
"""The worst stretch of this length is forgiven: a machine stands still now and then, a slow model is always slow."""
SIGMAS = 3.0
"""Standard deviations up to which chance in a share of few parts is no objection."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """Results of the active model until the new one came."""

    accounts: Accounts
    """Accounts of all cameras together, since the boot: a copy."""
    latencies: Distribution
    parts: int = 0
    rejected: int = 0

    def late_share(self, deadline_ms: float) -> float:
        """0 where nothing was judged."""
        count = self.latencies.count
        return 1 - self.latencies.below(int(deadline_ms * 1000)) / count if count else 0.0


@dataclass(frozen=True, slots=True)
class CanaryVerdict:
    """``going on`` until it is ``good``, or ``bad`` for a reason."""

    state: Literal["going on", "good", "bad"]
    reason: str = ""


GOING_ON, GOOD = CanaryVerdict("going on"), CanaryVerdict("good")


class Canary:
    """:meth:`see` is for the recorder's thread, the rest for the deployment thread's."""

    def __init__(
        self,
        generation: int,
        limits: SlotsConfig,
        deadlines_ms: Sequence[float],
        before: Baseline | None,
        now_s: float,
    ) -> None:
        """``deadlines_ms`` by camera; ``before`` is None where no other model was there."""
        self.generation = generation
        self._limits, self._deadlines_us = limits, [1000 * ms for ms in deadlines_ms]
        self._before, self._began_s = before, now_s
        self.parts = self.rejected = self.late = 0
        self._second_s, self._lost, self._forgiven = now_s, 0, 0

    def see(self, judged: JudgedPart) -> None:
        """Any record; those of other cascades are not counted."""
        if judged.generation != self.generation:
            return
        judgement = judged.judgement
        self.rejected += judgement.decision.reject
        self.late += judged.latency_us > self._deadlines_us[judgement.camera]
        self.parts += 1

    def verdict(self, now: Accounts, now_s: float, refused: int = 0) -> CanaryVerdict:
        """``now``: of all cameras together, since the boot. ``refused`` pictures went to the model before it."""
        reason, drops = self._failures(now, refused), self._drops(now, now_s)
        if not reason and self.parts >= LEAST:
            reason = self._lateness() or drops or self._rejects()
        if reason:
            return CanaryVerdict("bad", reason)
        enough = self.parts >= self._limits.trial_frames
        overdue = now_s - self._began_s >= self._limits.trial_s and self.parts >= LEAST
        return GOOD if enough or overdue else GOING_ON

    def _failures(self, now: Accounts, refused: int) -> str:
        before = self._before.accounts if self._before else Accounts()
        failed = max(refused, now.dropped["failed"] - before.dropped["failed"])
        if failed and before.dropped["failed"] * 10 <= before.captured:
            return f"the runtime refused {failed} frame{'s' if failed > 1 else ''}"
        return ""

    def _lateness(self) -> str:
        share = self.late / self.parts
        deadline_ms = max(self._deadlines_us) / 1000
        usual = self._before.late_share(deadline_ms) if self._before else 0.0
        if share > max(LATE_SHARE, 2 * usual) + _chance(max(LATE_SHARE, usual), self.parts):
            return f"{share:.1%} of {self.parts} decisions came after the deadline of {deadline_ms:.0f} ms"
        return ""

    def _drops(self, now: Accounts, now_s: float) -> str:
        before = self._before.accounts if self._before else Accounts()
        captured = now.captured - before.captured
        lost = _unseen(now) - _unseen(before)
        self._forgiven = max(self._forgiven, lost - self._lost)
        if now_s - self._second_s >= PAUSE_S:
            self._second_s, self._lost = now_s, lost
        usual = _share(_unseen(before), before.captured)
        share = _share(lost - self._forgiven, captured)
        if captured >= LEAST and share > usual + DROPS_CHANGE + _chance(max(usual, DROPS_CHANGE), captured):
            return f"too slow: {share:.0%} of {captured} frames were dropped, before it {usual:.0%}"
        return ""

    def _rejects(self) -> str:
        before = self._before
        if before is None or before.parts < LEAST:
            return ""
        share, usual = self.rejected / self.parts, before.rejected / before.parts
        both = (self.rejected + before.rejected) / (self.parts + before.parts)
        allowed = self._limits.reject_change + _chance(both, min(self.parts, before.parts))
        if abs(share - usual) > allowed:
            return f"rejects {share:.0%} of {self.parts} parts, the model before it {usual:.0%}"
        return ""


def _unseen(accounts: Accounts) -> int:
    return accounts.dropped["overrun"] + accounts.dropped["late"]


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _chance(share: float, n: int) -> float:
    """Distance that chance takes a share of n from what is to be expected."""
    return SIGMAS * sqrt(share * (1 - share) / n) if 0 < share < 1 else 0.0
