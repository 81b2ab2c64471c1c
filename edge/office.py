"""The back office: a thread that keeps records, watches drift and reports health, beside the way of the frame.

It never waits for the network, and nothing waits for it: what it hands on goes into the buffer, whose outbox the
sync thread empties.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edge.buffer import Buffer
from edge.drift import DriftWatch, WindowResult
from edge.health import LatencyHistogram, difference, quantile, resident_bytes, temperature_c
from edge.messages import BufferDepth, Column, Drift, Health, Identity, Latency, Stats, Window, encode
from edge.pipeline import Accounts, Intake, Judged, Pipeline, total
from edge.pipeline.steady import tidy
from edge.record import REJECTED, Record
from edge.sync import Sync

log = logging.getLogger(__name__)

STEP_S = 0.05


@dataclass(frozen=True, slots=True)
class Watched:
    """The drift of one model at one camera."""

    watch: DriftWatch
    identity: Identity
    camera: str


class Office:
    """Start it, and :meth:`finish` it once no more decisions come."""

    def __init__(
        self,
        *,
        intake: Intake,
        buffer: Buffer,
        watches: Mapping[tuple[int, int], Watched],
        identity: Identity,
        pipelines: Sequence[Pipeline],
        sync: Sync | None,
        health_interval_s: float,
    ) -> None:
        """``watches`` by the numbers of camera and model."""
        self.windows = 0
        self.drifted: list[int] = []
        """Numbers of the windows that drifted."""
        self._intake, self._buffer, self._watches = intake, buffer, watches
        self._sync = sync
        self._records = 0
        self._vitals = Vitals(identity, pipelines, buffer)
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
        for watched in self._watches.values():
            if (result := watched.watch.close()) is not None:
                self._report(watched, result)
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
            tidy()

    def _keep(self, judged: Judged) -> None:
        record = _record(self._records, judged)
        self._records += 1
        self._buffer.append(record)
        for look in judged.looks:
            watched = self._watches.get((record.camera, look.model))
            if watched is not None:
                decision = look.decision
                result = watched.watch.add(look.picture, decision.scores, decision.index, record.seq, record.wall_ns)
                if result is not None:
                    self._report(watched, result)
        self._intake.release(judged)

    def _report(self, watched: Watched, result: WindowResult) -> None:
        number = self.windows
        self.windows += 1
        drift = _drift_message(watched, number, result)
        if drift.drifted:
            self.drifted.append(number)
            first = drift.columns[0].name if drift.columns else "?"
            log.warning(
                "drift of %s at camera %s in window %d (records %d to %d): %s first",
                watched.identity.model,
                watched.camera,
                number,
                result.first_seq,
                result.last_seq,
                first,
            )
        stats = Stats(**watched.identity.head(number), camera=watched.camera, pane=result.pane)
        for kind, message in (("drift", drift), ("stats", stats)):
            self._buffer.put(kind, number, encode(message), watched.identity.model)

    def _send_health(self) -> None:
        self._next_health = time.monotonic() + self._interval_s
        if self._sync is not None:
            self._sync.send_health(self._vitals.measure())


class Vitals:
    """Measures what a health message says."""

    def __init__(self, identity: Identity, pipelines: Sequence[Pipeline], buffer: Buffer) -> None:
        self._identity, self._pipelines, self._buffer = identity, pipelines, buffer
        self._started = self._before = time.monotonic()
        self._decided_before = 0
        self._counts_before = LatencyHistogram().counts()
        self._seq = 0

    def _accounts(self) -> Accounts:
        return total(pipeline.accounts for pipeline in self._pipelines)

    def measure(self) -> Health:
        """Latencies and rate are those since the call before."""
        now, accounts, counts = time.monotonic(), self._accounts(), latency_counts(self._pipelines)
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


def latency_counts(pipelines: Sequence[Pipeline]) -> tuple[int, ...]:
    """Of all cameras together."""
    return tuple(map(sum, zip(*(pipeline.latency.counts() for pipeline in pipelines), strict=True)))


def _record(seq: int, judged: Judged) -> Record:
    judgement = judged.judgement
    decision = judgement.decision
    return Record(
        seq=seq,
        captured_ns=judgement.captured_ns,
        wall_ns=judgement.wall_ns,
        latency_us=min(judged.latency_us, 0xFFFFFFFF),
        score=decision.score,
        label=decision.index,
        flags=REJECTED if decision.reject else 0,
        camera=judgement.camera,
        part=judgement.part,
        belt_px=judgement.belt_px,
    )


def _drift_message(watched: Watched, number: int, result: WindowResult) -> Drift:
    verdict = result.verdict
    return Drift(
        **watched.identity.head(number),
        camera=watched.camera,
        window=Window(result.first_seq, result.last_seq, verdict.n, result.start_ns, result.end_ns),
        drifted=verdict.drifted,
        share=verdict.share,
        columns=tuple(
            Column(c.name, c.test, c.statistic, c.p_value, c.threshold, c.drifted) for c in verdict.columns
        ),
        expectations=dict(verdict.expectations),
    )
