"""Recent results of the active model, to measure the next one by."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from edge.device.deployment.canary import Baseline
from edge.device.health import Distribution
from edge.device.pipeline import Accounts, JudgedPart, Pipeline, total

RECENT = 1000
"""Parts."""


class TrialTally:
    """:meth:`see` is for the recorder's thread, the rest for the deployment thread's."""

    def __init__(self, pipelines: Sequence[Pipeline]) -> None:
        self._pipelines = pipelines
        self._rejects = deque[bool](maxlen=RECENT)

    def see(self, judged: JudgedPart) -> None:
        self._rejects.append(judged.judgement.decision.reject)

    def accounts(self) -> Accounts:
        """Accounts of all cameras, as of now."""
        return total(pipeline.accounts for pipeline in self._pipelines)

    def before(self) -> Baseline:
        rejects = self._rejects.copy()
        latencies = sum((pipeline.latency.copy() for pipeline in self._pipelines), Distribution.empty())
        return Baseline(self.accounts(), latencies, len(rejects), sum(rejects))
