"""The way of a frame: capture → stage → preprocess → model → decide → act, and a record for the recorder."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Iterable

from edge.core.guard import GuardedThread, reason
from edge.device.health import LatencyHistogram
from edge.device.pipeline.accounts import Accounts
from edge.device.pipeline.intake import Intake, Thumbnail
from edge.device.pipeline.mailbox import Mailbox, MailboxPolicy
from edge.device.pipeline.pinning import last_in_line, pin
from edge.device.pipeline.stages import PipelineStage, StageResult, WholeFrames
from edge.errors import ArtifactError, EdgeError, SourceError
from edge.gates import Gate
from edge.inference.cascade import Cascade, ThreadAbandoned
from edge.inference.frames.frame import Frame, FrameSource
from edge.inference.judgement import Judgement

log = logging.getLogger(__name__)

_POLL_S = 0.1
_CROWDED_S = 0.002
_JOIN_S = 0.5
_GLANCE_NS = 100_000_000
"""Camera care looks ten times a second."""
_SERVICE_SHARE = 8
"""The mean time of a decision follows the newest by this part."""


class Pipeline:
    """Judges one camera's frames until its source ends or :meth:`stop` is called. One instance, one run.

    One thread captures, one decides, on ``core`` where that is given; the caller's waits. Frames are numbered from 0
    as they are captured. Another cascade can take over while it runs (:meth:`swap`): each frame is judged by one
    cascade from beginning to end. From a cascade that hangs, another thread takes over (:meth:`abandon_hung_thread`).
    """

    def __init__(
        self,
        source: FrameSource,
        cascade: Cascade,
        gate: Gate,
        intake: Intake,
        waiting: MailboxPolicy,
        *,
        stage: PipelineStage | None = None,
        camera: int = 0,
        core: int | None = None,
    ) -> None:
        self.accounts = Accounts()
        self.latency = LatencyHistogram()
        self.progress_ns = 0
        """Monotonic time of the decision loop's latest turn, with a frame or without; what a watchdog looks at."""
        self.ended = False
        self.generation = cascade.generation
        """Generation of the cascade that the last turn was made with."""
        self._source, self._cascade, self._gate, self._intake = source, cascade, gate, intake
        self._stage = stage or WholeFrames()
        self._camera, self._core = camera, core
        self._glanced_ns = 0
        self._patient = waiting.policy == "every"
        self._mailbox = Mailbox(waiting)
        self.accounts.dropped = self._mailbox.dropped
        self._stopping = threading.Event()
        self._failure: EdgeError | None = None
        self._at_work: Cascade | None = None
        """Cascade that judges the frame at hand."""
        self._endings: queue.SimpleQueue[Frame | Exception | None] = queue.SimpleQueue()
        self._decider = self._new_decider()

    def stop(self) -> None:
        """From any thread or a signal handler: the frame at hand is finished, those that wait are dropped."""
        self._stopping.set()

    @property
    def cascade(self) -> Cascade:
        """Cascade that judges the next frame."""
        return self._cascade

    def swap(self, cascade: Cascade) -> None:
        """From any thread: the next frame is judged by ``cascade``, whose models no other thread uses."""
        self._cascade = cascade

    def abandon_hung_thread(self) -> bool:
        """From any thread, after :meth:`swap`: a decision thread that hangs in the first model of a cascade before
        this one is given up, its frame counts as failed, and another thread goes on. False when it does not hang
        there.
        """
        hung, thread = self._at_work, self._decider
        if hung is None or hung is self._cascade or not hung.leave():
            return False
        self.accounts.dropped["failed"] += 1
        self._decider = self._new_decider()
        self._decider.start()
        last_in_line(thread.native_id or 0)
        return True

    def run(self) -> None:
        """Returns at the source's end or after :meth:`stop`; raises SourceError when the source is lost for good."""
        capture = GuardedThread(self._capture, f"capture-{self._camera}", rescue=self._lose, again=False)
        capture.start()
        self._decider.start()
        try:
            last = self._endings.get()
            if isinstance(last, Exception):
                raise last
            self.ended = True
        finally:
            self._shut(capture)
        if last is not None:
            self._tell(last, self._stage.end(self._cascade))
        if self._failure is not None:
            raise self._failure

    def _new_decider(self) -> threading.Thread:
        """A daemon: a process can end though it hangs."""
        return GuardedThread(self._decide, f"decide-{self._camera}", rescue=self._end, again=False)

    def _end(self, error: BaseException) -> None:
        """The decision thread died of what no ``except Exception`` catches: the line ends for its supervisor."""
        self._endings.put(ArtifactError(f"the decision thread died ({reason(error)})"))

    def _lose(self, error: BaseException) -> None:
        self._failure = SourceError(f"the capture thread died ({reason(error)})")

    def _decide(self) -> None:
        try:
            if self._core is not None:
                pin(self._core)
            self._endings.put(self._loop())
        except ThreadAbandoned:
            return
        except Exception as error:
            self._endings.put(error)

    def _loop(self) -> Frame | None:
        """The last frame that was looked at."""
        last = None
        while not self._stopping.is_set() and not self._mailbox.finished:
            item = self._mailbox.take(_POLL_S)
            cascade = self._cascade
            self.progress_ns = time.monotonic_ns()
            if item is not None:
                number, last = item
                self._at_work = cascade
                self._look(number, last, cascade)
                self._at_work = None
                self._wait_for_recorder()
            self.generation = cascade.generation
        return last

    def _capture(self) -> None:
        try:
            while not self._stopping.is_set():
                frame = self._source.read()
                if frame is None or self._stopping.is_set():
                    break
                number = self.accounts.captured
                self.accounts.captured += 1
                self._mailbox.put((number, frame))
        except EdgeError as error:
            self._failure = error
        except Exception as error:
            log.exception("the capture thread failed")
            self._failure = SourceError(f"the frame source failed ({type(error).__name__}: {error})")
        finally:
            self._mailbox.close()

    def _look(self, number: int, frame: Frame, cascade: Cascade) -> None:
        began_ns = time.monotonic_ns()
        accounts = self.accounts
        if frame.image is None:
            accounts.dropped["unreadable"] += 1
            self._stage.skip(frame)
            log.warning("%s: not a picture; skipped", frame.name or f"frame {number}")
            return
        try:
            self._tell(frame, self._stage.judge(number, frame, cascade))
        except (ArtifactError, SourceError) as error:
            accounts.dropped["failed"] += 1
            log.warning("frame %d: %s", number, error)
            return
        accounts.decided += 1
        accounts.parts_lost = self._stage.lost
        if self._source.live and frame.captured_ns - self._glanced_ns >= _GLANCE_NS:
            self._glanced_ns = frame.captured_ns
            self._intake.thumbnail(Thumbnail(self._camera, frame.captured_ns, self._stage.view(cascade).copy()))
        mailbox = self._mailbox
        mailbox.service_ns += (time.monotonic_ns() - began_ns - mailbox.service_ns) // _SERVICE_SHARE

    def _tell(self, frame: Frame, verdicts: Iterable[StageResult]) -> None:
        """The gate first, each part as soon as it is judged."""
        captured_ns, wall_ns = frame.captured_ns, frame.wall_ns
        for part, belt_px, decision, looks, generation in verdicts:
            judgement = Judgement(self._camera, part, captured_ns, wall_ns, belt_px, decision)
            self._gate.act(judgement)
            latency_us = max(0, time.monotonic_ns() - captured_ns) // 1000
            self.latency.add(latency_us)
            self.accounts.judged += 1
            self._intake.put(judgement, latency_us, looks, generation)

    def _wait_for_recorder(self) -> None:
        if self._patient:
            while self._intake.crowded and not self._stopping.is_set():
                time.sleep(_CROWDED_S)
                self.progress_ns = time.monotonic_ns()

    def _shut(self, capture: threading.Thread) -> None:
        self._stopping.set()
        self._source.close()
        self._mailbox.close()
        capture.join(_JOIN_S)
        while self._mailbox.take(0) is not None:
            self.accounts.dropped["shutdown"] += 1
