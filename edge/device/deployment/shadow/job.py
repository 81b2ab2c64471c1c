"""A new model judges copies of the line's pictures, in a child process, before it may judge the line."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from edge.core.structs import plain
from edge.device.config import SlotsConfig
from edge.device.deployment.shadow.comparison import ShadowAnswer, ShadowComparison
from edge.device.deployment.shadow.frame_tap import FrameTap
from edge.device.deployment.shadow.worker import HEAD, ShadowModels
from edge.errors import ArtifactError, EdgeError, MissingError
from edge.inference.frames.frame import Image

log = logging.getLogger(__name__)

LOAD_S = 60.0
ANSWER_S = 5.0
"""A picture that takes longer counts as a hang."""
STILL_S = 3.0
"""A line from which nothing comes for so long stands still."""
_LOOK_S = 0.1
_KINDS: dict[int, type[EdgeError]] = {MissingError.exit_status: MissingError}


class ShadowCancelled(Exception):  # noqa: N818
    """Nobody wants the rehearsal any more."""


class Worker:
    """The process with both models. A context manager: at its end the process is gone."""

    def __init__(self, cast: ShadowModels, load_s: float = LOAD_S, answer_s: float = ANSWER_S) -> None:
        """Raises ArtifactError when the new model cannot be loaded or does not reproduce its golden samples."""
        self._answer_s = answer_s
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        command = [sys.executable, "-m", "edge.device.deployment.shadow.worker"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors)
        try:
            self._ask(json.dumps(plain(cast)).encode() + b"\n", load_s, "loading the model")
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def show(self, picture: Image) -> tuple[ShadowAnswer, ShadowAnswer]:
        """Answers of the active and the new model to a picture. Raises ArtifactError when that kills, stops or fails
        the process."""
        data = HEAD.pack(*picture.shape[:2]) + picture.tobytes()
        active, new = self._ask(data, self._answer_s, "judging a picture")
        return ShadowAnswer(**active), ShadowAnswer(**new)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            if stream is not None:
                stream.close()

    def _ask(self, data: bytes, within_s: float, doing: str) -> Any:
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        with _killed_after(process, within_s) as hung:
            try:
                process.stdin.write(data)
                process.stdin.flush()
                line = process.stdout.readline()
            except (BrokenPipeError, ConnectionResetError):
                line = b""
        if line:
            return json.loads(line)
        if hung.is_set():
            raise ArtifactError(f"hangs: {doing} did not end within {within_s:.0f} s")
        raise self._failure(doing)

    def _failure(self, doing: str) -> EdgeError:
        status = self._process.wait()
        if status < 0:
            return ArtifactError(f"brings its process down ({signal.Signals(-status).name}) while {doing}")
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        kind = _KINDS.get(status, ArtifactError)
        return kind(lines[-1] if lines else f"its process ended with status {status} while {doing}")


@contextmanager
def _killed_after(process: subprocess.Popen[bytes], seconds: float) -> Iterator[threading.Event]:
    """The event is set when that had to be done."""
    hung = threading.Event()

    def kill() -> None:
        hung.set()
        process.kill()

    timer = threading.Timer(seconds, kill)
    timer.daemon = True
    timer.start()
    try:
        yield hung
    finally:
        timer.cancel()


def rehearse(
    child: Worker, tap: FrameTap, golden: Iterable[Image], limits: SlotsConfig, go_on: Callable[[], bool]
) -> ShadowComparison:
    """``limits.shadow`` pictures of the line; where those do not come in time, the golden samples, too.

    Raises ArtifactError when the new model does not survive it, Interrupted when ``go_on`` says no.
    """
    comparison = ShadowComparison()
    began = last = time.monotonic()
    while comparison.n < limits.shadow:
        if not go_on():
            raise ShadowCancelled
        picture = tap.take(_LOOK_S)
        now = time.monotonic()
        if picture is not None:
            comparison.add(*child.show(picture))
            last = now
        elif now - last >= STILL_S:
            log.info("the line stands still; the rehearsal goes on with the golden samples")
            break
        if now - began >= limits.shadow_s:
            break
    if comparison.n < limits.shadow:
        for picture in golden:
            comparison.add(*child.show(picture))
    return comparison
