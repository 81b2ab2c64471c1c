"""The way of a frame: capture → preprocess → model → decide → act, and a record for the back office."""

from __future__ import annotations

import logging
import threading
import time

from edge.choices import Policy
from edge.errors import ArtifactError, EdgeError, SourceError
from edge.frames.frame import Frame, FrameSource
from edge.gate import Gate
from edge.health import LatencyHistogram
from edge.judgement import Judgement
from edge.model import Model
from edge.pipeline.accounts import Accounts
from edge.pipeline.intake import Intake
from edge.pipeline.mailbox import Mailbox
from edge.record import REJECTED, Record

log = logging.getLogger(__name__)

_POLL_S = 0.1
_CROWDED_S = 0.002
_JOIN_S = 0.5


class Pipeline:
    """Judges a source until it ends or :meth:`stop` is called. One instance, one run.

    The caller's thread decides; a thread of its own captures. Frames are numbered from 0 as they are captured.
    """

    def __init__(self, source: FrameSource, model: Model, gate: Gate, intake: Intake, policy: Policy) -> None:
        self.accounts = Accounts()
        self.latency = LatencyHistogram()
        self._source, self._model, self._gate, self._intake = source, model, gate, intake
        self._policy = policy
        self._mailbox = Mailbox(policy)
        self._stopping = threading.Event()
        self._failure: EdgeError | None = None

    def stop(self) -> None:
        """From any thread or a signal handler: the frame at hand is finished, those that wait are dropped."""
        self._stopping.set()

    def run(self) -> None:
        """Returns at the source's end or after :meth:`stop`; raises SourceError when the source is lost for good."""
        capture = threading.Thread(target=self._capture, name="capture", daemon=True)
        capture.start()
        try:
            while not self._stopping.is_set() and not self._mailbox.finished:
                item = self._mailbox.take(_POLL_S)
                if item is not None:
                    self._judge(*item)
                    self._wait_for_office()
        finally:
            self._shut(capture)
        if self._failure is not None:
            raise self._failure

    def _capture(self) -> None:
        try:
            while not self._stopping.is_set():
                frame = self._source.read()
                if frame is None or self._stopping.is_set():
                    break
                number = self.accounts.captured
                self.accounts.captured += 1
                self.accounts.dropped["overrun"] += self._mailbox.put((number, frame))
        except EdgeError as error:
            self._failure = error
        except Exception as error:
            log.exception("the capture thread failed")
            self._failure = SourceError(f"the frame source failed ({type(error).__name__}: {error})")
        finally:
            self._mailbox.close()

    def _judge(self, seq: int, frame: Frame) -> None:
        if frame.image is None:
            self.accounts.dropped["unreadable"] += 1
            log.warning("%s: not a picture; skipped", frame.name or f"frame {seq}")
            return
        try:
            decision = self._model.predict(frame.image)
        except (ArtifactError, SourceError) as error:
            self.accounts.dropped["failed"] += 1
            log.warning("frame %d: %s", seq, error)
            return
        self._gate.act(Judgement(0, seq, frame.captured_ns, frame.wall_ns, 0, decision))
        latency_us = max(0, time.monotonic_ns() - frame.captured_ns) // 1000
        self.accounts.decided += 1
        self.latency.add(latency_us)
        flags = REJECTED if decision.reject else 0
        record = Record(
            seq, frame.captured_ns, frame.wall_ns, min(latency_us, 0xFFFFFFFF), decision.score, decision.index, flags
        )
        self._intake.put(record, decision, self._model.preprocess.small)

    def _wait_for_office(self) -> None:
        if self._policy == "every":
            while self._intake.crowded and not self._stopping.is_set():
                time.sleep(_CROWDED_S)

    def _shut(self, capture: threading.Thread) -> None:
        self._stopping.set()
        self._source.close()
        self._mailbox.close()
        capture.join(_JOIN_S)
        while self._mailbox.take(0) is not None:
            self.accounts.dropped["shutdown"] += 1
