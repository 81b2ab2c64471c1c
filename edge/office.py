"""The back office: a thread that keeps records, watches drift and reports health, beside the way of the frame.

It never waits for the network, and nothing waits for it: what it hands on goes into the buffer, whose outbox the
sync thread empties.
"""

from __future__ import annotations

import logging
import threading
import time

from edge.buffer import Buffer
from edge.drift import DriftWatch, WindowResult
from edge.health import LatencyHistogram, difference, quantile, resident_bytes, temperature_c
from edge.messages import Alarm, BufferDepth, Column, Drift, Health, Identity, Latency, Stats, Window, encode
from edge.pipeline import Accounts, Intake, Judged
from edge.sync import Sync

log = logging.getLogger(__name__)

STEP_S = 0.05


class Office:
    """Start it, and :meth:`finish` it once no more decisions come."""

    def __init__(
        self,
        *,
        intake: Intake,
        buffer: Buffer,
        watch: DriftWatch | None,
        identity: Identity,
        accounts: Accounts,
        latency: LatencyHistogram,
        sync: Sync | None,
        health_interval_s: float,
    ) -> None:
        self.windows = 0
        self.drifted: list[int] = []
        """Numbers of the windows that drifted."""
        self._intake, self._buffer, self._watch = intake, buffer, watch
        self._identity, self._sync = identity, sync
        self._vitals = Vitals(identity, accounts, latency, buffer)
        self._interval_s = health_interval_s
        self._next_health = time.monotonic()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="office", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def finish(self) -> None:
        """Keeps all that was decided, closes the last drift window and commits."""
        self._stopping.set()
        self._thread.join()
        self._step()
        result = self._watch.close() if self._watch else None
        if result is not None:
            self._report(result)
        self._buffer.commit()
        self._send_health()

    def _run(self) -> None:
        while not self._stopping.wait(STEP_S):
            try:
                self._step()
            except Exception:
                log.exception("the back office stumbled over a record; it goes on")

    def _step(self) -> None:
        while (judged := self._intake.take()) is not None:
            self._keep(judged)
            self._buffer.tick()
        self._buffer.tick()
        if time.monotonic() >= self._next_health:
            self._send_health()

    def _keep(self, judged: Judged) -> None:
        record = judged.record
        self._buffer.append(record)
        if self._watch is None or judged.picture is None:
            return
        result = self._watch.add(judged.picture, judged.scores, record.label, record.seq, record.wall_ns)
        if result is not None:
            self._report(result)

    def _report(self, result: WindowResult) -> None:
        self.windows += 1
        drift = _drift_message(self._identity, result)
        if drift.drifted:
            self.drifted.append(result.number)
            first = drift.columns[0].name if drift.columns else "?"
            log.warning(
                "drift in window %d (frames %d to %d): %s first",
                result.number,
                result.first_seq,
                result.last_seq,
                first,
            )
        for alarm in drift.alarms:
            if not alarm.small:
                log.warning("%s has changed since frame %d (effect %.2f)", alarm.name, alarm.since_seq, alarm.effect)
        self._buffer.put("drift", result.number, encode(drift))
        stats = Stats(**self._identity.head(result.number), pane=result.pane)
        self._buffer.put("stats", result.number, encode(stats))

    def _send_health(self) -> None:
        self._next_health = time.monotonic() + self._interval_s
        if self._sync is not None:
            self._sync.send_health(self._vitals.measure())


class Vitals:
    """Measures what a health message says."""

    def __init__(self, identity: Identity, accounts: Accounts, latency: LatencyHistogram, buffer: Buffer) -> None:
        self._identity, self._accounts, self._latency, self._buffer = identity, accounts, latency, buffer
        self._started = self._before = time.monotonic()
        self._decided_before = 0
        self._counts_before = latency.counts()
        self._seq = 0

    def measure(self) -> Health:
        """Latencies and rate are those since the call before."""
        now, accounts, counts = time.monotonic(), self._accounts, self._latency.counts()
        recent = difference(counts, self._counts_before)
        decided = accounts.decided
        rate = (decided - self._decided_before) / max(now - self._before, 1e-9)
        self._before, self._decided_before, self._counts_before = now, decided, counts
        self._seq += 1
        state = self._buffer.state()
        return Health(
            **self._identity.head(self._seq - 1),
            captured=accounts.captured,
            decided=decided,
            dropped={reason: count for reason, count in accounts.dropped.items() if count},
            latency_us=Latency(*(float(quantile(recent, share)) for share in (0.5, 0.9, 0.99, 1.0))),
            rate_fps=round(rate, 3),
            buffer=BufferDepth(state.entries, state.pending, state.bytes, state.evicted),
            rss_bytes=resident_bytes(),
            uptime_s=round(now - self._started, 3),
            temperature_c=temperature_c(),
        )


def _drift_message(identity: Identity, result: WindowResult) -> Drift:
    verdict = result.verdict
    return Drift(
        **identity.head(result.number),
        window=Window(result.first_seq, result.last_seq, verdict.n, result.start_ns, result.end_ns),
        drifted=verdict.drifted,
        share=verdict.share,
        columns=tuple(
            Column(c.name, c.test, c.statistic, c.p_value, c.threshold, c.drifted) for c in verdict.columns
        ),
        expectations=dict(verdict.expectations),
        alarms=tuple(Alarm(a.name, a.evidence, a.effect, a.shift, a.since_seq, a.small) for a in result.alarms),
    )
