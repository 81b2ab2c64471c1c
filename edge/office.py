"""The back office: a thread that keeps records, watches drift and reports health, beside the way of the frame.

It never waits for the network, and nothing waits for it: what it hands on goes into the buffer, whose outbox the
sync thread empties.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from edge.audit import Auditor
from edge.audit.news import News, count
from edge.buffer import Buffer
from edge.caretaker import Caretaker
from edge.clock import clock_state
from edge.drift import DriftWatch, WindowResult
from edge.drift.message import drift_message
from edge.health.vitals import Vitals
from edge.messages import Event, Identity, Stats, encode
from edge.pipeline import Intake, Judged
from edge.pipeline.steady import tidy
from edge.record import REJECTED, Record
from edge.sync import Sync

log = logging.getLogger(__name__)

STEP_S = 0.05
LOOK_S = 1.0
"""How often the state that ``edge status`` and Prometheus show is renewed."""


@dataclass(frozen=True, slots=True)
class Watched:
    """The drift of one model at one camera."""

    watch: DriftWatch
    identity: Identity
    camera: str

    @property
    def key(self) -> tuple[str, str, int]:
        """As in its messages: camera, model and version."""
        return self.camera, self.identity.model, self.identity.model_version


class Office:
    """Start it, and :meth:`finish` it once no more decisions come."""

    def __init__(
        self,
        *,
        intake: Intake,
        buffer: Buffer,
        watches: Mapping[tuple[int, int], Watched],
        vitals: Vitals,
        caretaker: Caretaker,
        sync: Sync | None,
        health_interval_s: float,
        auditor: Auditor | None = None,
    ) -> None:
        """``watches`` by the numbers of camera and model."""
        self.windows = 0
        self.drifted: list[int] = []
        """Numbers of the windows that drifted."""
        self._intake, self._buffer, self._watches = intake, buffer, watches
        self._vitals, self._caretaker, self._sync = vitals, caretaker, sync
        self._auditor = auditor
        self._labels = News(auditor.folder.folder) if auditor is not None else None
        self._records = 0
        if watches:
            vitals.watches_drift()
        self.health_interval_s = health_interval_s
        """May be changed at any time."""
        self._next_look = self._next_health = time.monotonic()
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
        self._caretaker.remember()
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
            self._tick()
        self._tick()

    def _tick(self) -> None:
        self._care()
        self._buffer.tick()
        if time.monotonic() >= self._next_look:
            self._look()
        if time.monotonic() >= self._next_health:
            self._send_health()

    def _care(self) -> None:
        while (glance := self._intake.take_glance()) is not None:
            self._tell(self._caretaker.see(glance))
        self._tell(self._caretaker.losses())

    def _tell(self, events: Iterable[Event]) -> None:
        for event in events:
            self._buffer.put("event", event.seq, encode(event))

    def _keep(self, judged: Judged) -> None:
        record = _record(self._records, judged)
        self._records += 1
        self._buffer.append(record)
        outlying = False
        for look in judged.looks:
            watched = self._watches.get((record.camera, look.model))
            if watched is not None:
                decision, at_ns = look.decision, record.captured_ns
                # Monotonic, wall time at the end: a clock that is set meanwhile does not tear the window.
                result = watched.watch.add(look.picture, decision.scores, decision.index, record.seq, at_ns)
                if result is not None:
                    self._report(watched, result)
                outlying |= self._auditor is not None and self._auditor.outliers and watched.watch.outlying
        self._audit(record, judged, outlying)
        self._intake.release(judged)

    def _audit(self, record: Record, judged: Judged, outlying: bool) -> None:
        """Before the picture is given back."""
        message = self._auditor.see(record, judged, outlying) if self._auditor is not None else None
        if message is not None and self._sync is not None:
            self._buffer.put("audit", message.seq, encode(message))

    def _count_labels(self) -> None:
        """What people said since the last look. A disk that refuses is asked again with the next."""
        with contextlib.suppress(OSError):
            if self._labels is not None and (answers := self._labels.take()):
                count(
                    answers,
                    {watched.key: (watched.watch, watched.identity.labels) for watched in self._watches.values()},
                )

    def _report(self, watched: Watched, result: WindowResult) -> None:
        number = self.windows
        self.windows += 1
        offset_ns = clock_state().offset_ns
        drift = drift_message(watched.identity.head(number), watched.camera, result, offset_ns)
        if drift.drifted:
            self.drifted.append(number)
            first = drift.columns[0].name if drift.columns else "?"
            log.warning(
                "%s drift of %s at camera %s in window %d (records %d to %d): %s first",
                drift.kind,
                watched.identity.model,
                watched.camera,
                number,
                result.first_seq,
                result.last_seq,
                first,
            )
        for alarm in drift.alarms:
            if not alarm.small:
                log.warning("%s has changed since frame %d (effect %.2f)", alarm.name, alarm.since_seq, alarm.effect)
        self._vitals.note(drift)
        stats = Stats(**watched.identity.head(number), camera=watched.camera, pane=result.pane)
        for kind, message in (("drift", drift), ("stats", stats)):
            self._buffer.put(kind, number, encode(message), watched.identity.model)

    def _look(self) -> None:
        self._next_look = time.monotonic() + LOOK_S
        self._vitals.look()
        self._caretaker.remember_if_due()
        self._count_labels()
        tidy()

    def _send_health(self) -> None:
        self._next_health = time.monotonic() + self.health_interval_s
        if self._sync is not None:
            self._sync.send_health(self._vitals.message())


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
