"""The recorder: a thread that keeps records, watches drift and reports health, beside the way of the frame.

It never waits for the network, and nothing waits for it: what it hands on goes into the buffer, whose outbox the
sync thread empties.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace

from edge.core.clock import clock_state
from edge.core.guard import GuardedThread
from edge.device.audit import Auditor
from edge.device.audit.news import AuditChanges, count
from edge.device.buffer import Buffer
from edge.device.generation import Generation, WatchedDrift
from edge.device.health.camera_health import CameraHealth
from edge.device.health.collector import HealthCollector
from edge.device.pipeline import Intake, JudgedPart
from edge.device.pipeline.steady import tidy
from edge.device.sync import Sync
from edge.device.sync.drift_message import drift_message
from edge.drift import WindowResult
from edge.protocol.messages import EventMessage, Stats, encode
from edge.protocol.record import REJECTED, Record

log = logging.getLogger(__name__)

STEP_S = 0.05
LOOK_S = 1.0
"""Seconds after which the state that ``edge status`` and Prometheus show is renewed."""


class Recorder:
    """Start it, and :meth:`finish` it once no more decisions come."""

    def __init__(
        self,
        *,
        intake: Intake,
        buffer: Buffer,
        generation: Generation,
        collector: HealthCollector,
        camera_health: CameraHealth,
        sync: Sync | None,
        health_interval_s: float,
        auditor: Auditor | None = None,
    ) -> None:
        """``generation`` is that of the cascade which the line begins with."""
        self.windows = 0
        self.drifted: list[int] = []
        """Numbers of the windows that drifted."""
        self._observer: Callable[[JudgedPart], None] | None = None
        self._intake, self._buffer = intake, buffer
        self._generation, self._generations = generation, {generation.number: generation}
        self._newest = generation.number
        self._leaving = deque[int]()
        self._collector, self._camera_health, self._sync = collector, camera_health, sync
        self._auditor = auditor
        self._labels = AuditChanges(auditor.folder.folder) if auditor is not None else None
        self._records = 0
        buffer.judged_by(generation.judge, 0)
        if generation.watches:
            collector.watches_drift()
        self._health_interval_s = health_interval_s
        self._next_look = self._next_health = time.monotonic()
        self._stopping, self._flush, self._flushed = threading.Event(), threading.Event(), threading.Event()
        self._thread = GuardedThread(self._run, "recorder")

    def start(self) -> None:
        self._thread.start()

    def show_parts_to(self, observer: Callable[[JudgedPart], None] | None) -> None:
        """Shows ``observer`` each judged part as its record is kept, in this thread; None ends that. Any thread may
        call it."""
        self._observer = observer

    def set_health_interval(self, seconds: float) -> None:
        """Changes the time between two health messages. Any thread may call it."""
        self._health_interval_s = seconds

    def expect(self, generation: Generation) -> None:
        """Records of another cascade will come; to be said before the first does. Any thread may call it."""
        self._generations[generation.number] = generation

    def part_with(self, number: int) -> None:
        """No cascade of that number judges any more, or will: when all that it judged is kept, its drift windows are
        closed, unless a later generation goes on with them. Any thread may call it.
        """
        self._leaving.append(number)

    def flush(self, within_s: float) -> bool:
        """Everything that was decided becomes durable. Any other thread may call it; False when time is up."""
        self._flushed.clear()
        self._flush.set()
        return self._flushed.wait(within_s)

    def finish(self) -> None:
        """Keeps all that was decided, closes the last drift window and commits."""
        self._stopping.set()
        self._thread.join()
        self._step()
        self._close(self._watches())
        self._camera_health.remember()
        self._look_at_gate()
        self._buffer.commit()
        self._send_health()

    def _run(self) -> None:
        while not self._stopping.wait(STEP_S):
            try:
                self._step()
            except Exception:
                log.exception("the recorder stumbled over a record; it goes on")

    def _step(self) -> None:
        leaving = [self._leaving.popleft() for _ in range(len(self._leaving))]
        while (judged := self._intake.take()) is not None:
            self._keep(judged)
            self._tick()
        for number in leaving:
            self._part_with(number)
        self._tick()
        if self._flush.is_set():
            self._flush.clear()
            self._buffer.commit()
            self._flushed.set()

    def _watches(self) -> list[WatchedDrift]:
        """Each once, also where generations share it."""
        generations = list(self._generations.values())
        return list({id(one): one for generation in generations for one in generation.watches.values()}.values())

    def _part_with(self, number: int) -> None:
        before = self._watches()
        # Its name stays: a camera that was slow to turn may have one more record of it.
        self._generations[number] = bare = replace(self._generations[number], watches={})
        if self._generation.number == number:
            self._generation = bare
        kept = set(map(id, self._watches()))
        self._close(watched for watched in before if id(watched) not in kept)

    def _close(self, watches: Iterable[WatchedDrift]) -> None:
        for watched in watches:
            if (result := watched.watch.close()) is not None:
                self._report(watched, result)

    def _turn_to(self, generation: Generation) -> None:
        """From the next record on. Cameras are swapped one after another: records of both may alternate for a moment,
        and what the device says of itself goes with the newest.
        """
        self._generation = generation
        self._buffer.judged_by(generation.judge, self._records)
        if self._auditor is not None:
            self._auditor.follow(generation.identity, generation.labels, generation.facts)
        if generation.number > self._newest:
            self._newest = generation.number
            self._collector.follow(generation.identity)
            self._camera_health.follow(generation.identity)
            if generation.watches:
                self._collector.watches_drift()
            if self._sync is not None:
                self._sync.follow(generation.identity)

    def _tick(self) -> None:
        self._care()
        self._buffer.tick()
        if time.monotonic() >= self._next_look:
            self._look()
        if time.monotonic() >= self._next_health:
            self._send_health()

    def _care(self) -> None:
        while (thumbnail := self._intake.take_thumbnail()) is not None:
            self._tell(self._camera_health.see(thumbnail))
        self._tell(self._camera_health.losses())

    def _tell(self, events: Iterable[EventMessage]) -> None:
        for event in events:
            self._buffer.put("event", event.seq, encode(event))

    def _keep(self, judged: JudgedPart) -> None:
        if judged.generation != self._generation.number:
            self._turn_to(self._generations[judged.generation])
        record = _record(self._records, judged)
        self._records += 1
        self._buffer.append(record)
        if (observer := self._observer) is not None:
            observer(judged)
        outlying = False
        for look in judged.looks:
            watched = self._generation.watches.get((record.camera, look.model))
            if watched is not None:
                decision, at_ns = look.decision, record.captured_ns
                # Monotonic, wall time at the end: a clock that is set meanwhile does not tear the window.
                result = watched.watch.add(look.picture, decision.scores, decision.index, record.seq, at_ns)
                if result is not None:
                    self._report(watched, result)
                outlying |= self._auditor is not None and self._auditor.outliers and watched.watch.outlying
        self._audit(record, judged, outlying)
        self._intake.release(judged)

    def _audit(self, record: Record, judged: JudgedPart, outlying: bool) -> None:
        """Before the picture is given back."""
        message = self._auditor.see(record, judged, outlying) if self._auditor is not None else None
        if message is not None and self._sync is not None:
            self._buffer.put("audit", message.seq, encode(message))

    def _count_labels(self) -> None:
        """Counts the labels that people gave since the last look. A disk that refuses is asked again with the
        next."""
        with contextlib.suppress(OSError):
            if self._labels is not None and (answers := self._labels.take()):
                count(
                    answers,
                    {watched.key: (watched.watch, watched.identity.labels) for watched in self._watches()},
                )

    def _report(self, watched: WatchedDrift, result: WindowResult) -> None:
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
        self._collector.note(drift)
        stats = Stats(**watched.identity.head(number), camera=watched.camera, pane=result.pane)
        for kind, message in (("drift", drift), ("stats", stats)):
            self._buffer.put(kind, number, encode(message), watched.identity.model)

    def _look(self) -> None:
        self._next_look = time.monotonic() + LOOK_S
        self._look_at_gate()
        self._camera_health.remember_if_due()
        self._count_labels()
        tidy()

    def _look_at_gate(self) -> None:
        gate = self._collector.look().health.gate
        if gate is not None:
            self._tell(self._camera_health.gate(gate.open_since_ns, gate.problem))

    def _send_health(self) -> None:
        self._next_health = time.monotonic() + self._health_interval_s
        if self._sync is not None:
            self._sync.send_health(self._collector.message())


def _record(seq: int, judged: JudgedPart) -> Record:
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
