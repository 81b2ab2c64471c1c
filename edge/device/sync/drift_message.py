"""A window's result as the message that travels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge.drift.watch.watch import WindowResult
from edge.protocol.messages import Drift, DriftAlarm, DriftColumn, Window


def drift_message(head: Mapping[str, Any], camera: str, result: WindowResult, offset_ns: int = 0) -> Drift:
    """``head`` as :meth:`edge.protocol.messages.Identity.head` gives it. ``offset_ns`` turns the result's times into
    wall time.
    """
    verdict = result.verdict
    start_ns, end_ns = (max(0, stamp + offset_ns) for stamp in (result.start_ns, result.end_ns))
    return Drift(
        **head,
        camera=camera,
        window=Window(result.first_seq, result.last_seq, verdict.n, start_ns, end_ns),
        drifted=verdict.drifted,
        share=verdict.share,
        kind=verdict.kind or "",
        columns=tuple(
            DriftColumn(c.name, c.test, c.statistic, c.p_value, c.threshold, c.drifted) for c in verdict.columns
        ),
        expectations=dict(verdict.expectations),
        alarms=tuple(
            DriftAlarm(a.name, a.evidence, a.effect, a.shift, a.since_seq, a.small, a.kind) for a in result.alarms
        ),
    )
