"""What counting costs the decision thread, and what those who ask for the figures do."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import repeat
from pathlib import Path

import numpy as np

from edge.core.histogram import LatencyHistogram
from edge.device.buffer import Buffer
from edge.device.health.camera_view import CameraView
from edge.device.health.collector import HealthCollector
from edge.device.pipeline import Accounts, Intake
from edge.device.status.service import StatusService
from edge.inference.artifact.describe import Given
from edge.inference.artifact.manifest import OutputSpec
from edge.inference.cascade import ModelOutput
from edge.inference.judgement import Judgement
from edge.inference.model import load
from edge.inference.tasks.classification import Decision
from edge.protocol.messages import Identity
from tests.bench.setting import Setting
from tests.bench.timing import Row, interleaved

CALLS = 1000
ADD_MOST_NS = 1000
LOOK_MOST_MS = 5.0
ROUNDS, ROUND_S = 6, 1.0
IDENTITY = Identity("bench", "", "", "b1", "m", 1, ())

HAMMER = """
import http.client, sys, threading
def ask():
    while True:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=5)
            connection.request("GET", "/metrics")
            connection.getresponse().read()
            connection.close()
            answered[0] += 1
        except OSError:
            pass
answered = [0]
for _ in range(3):
    threading.Thread(target=ask, daemon=True).start()
sys.stdin.read()
print(answered[0])
"""


def rows(setting: Setting) -> Iterator[Row]:
    """What is noted and shown, and what that does to a decision."""
    model_path, given, folder = setting.model, setting.given, setting.folder
    yield add()
    yield bookkeeping()
    yield look(folder)
    yield scraped(model_path, given, folder)


def add() -> Row:
    """``LatencyHistogram.add`` against a function that increments one item of a list."""
    histogram, counts = LatencyHistogram(), [0] * 832

    def increment(_: int) -> None:
        counts[400] += 1

    values = [3000 + 37 * number % 9000 for number in range(CALLS)]
    ours, other = interleaved(lambda: _each(histogram.add, values), lambda: _each(increment, values), 300)
    ours_ns, other_ns = ours / CALLS * 1e9, other / CALLS * 1e9
    return Row(
        "LatencyHistogram.add, against a bare list increment",
        ours_ns,
        other_ns,
        "ns",
        "≤ 1 µs",
        ours_ns <= ADD_MOST_NS,
    )


def bookkeeping() -> Row:
    """All that is noted of a decision (clock, counters, histogram, record, hand-over), against ``add`` alone."""
    histogram, accounts, intake = LatencyHistogram(), Accounts(), Intake()
    decision = Decision("whole", 0, 0.9, False, np.zeros(3, np.uint8), OutputSpec(3, "uint8"))
    picture = np.zeros((96, 96, 3), np.uint8)

    def note() -> None:
        now = time.monotonic_ns()
        latency_us = max(0, time.monotonic_ns() - now) // 1000
        accounts.captured += 1
        accounts.decided += 1
        histogram.add(latency_us)
        intake.put(Judgement(0, 1, now, now, 0, decision), latency_us, [ModelOutput(0, decision, picture)])
        taken = intake.take()
        assert taken is not None
        intake.release(taken)

    ours, other = interleaved(lambda: _times(note), lambda: _each(histogram.add, repeat(1, CALLS)), 100)
    ours_us, other_us = ours / CALLS * 1e6, other / CALLS * 1e6
    name = "all bookkeeping of a decision with a 96×96 picture, against add"
    return Row(name, ours_us, other_us, "µs", "≤ 50 µs", ours_us <= 50)


def look(folder: Path) -> Row:
    """One look of the recorder, once a second; against the buffer's counting of 10,000 rows, every five."""
    with closing(Buffer(folder / "health" / "buffer.db")) as buffer:
        for number in range(10_000):
            buffer.put("drift", number, b"{}" * 100)
        buffer.commit()
        lanes = [CameraView(str(number), Accounts(), _filled()) for number in range(4)]
        vitals = HealthCollector(IDENTITY, lanes, Intake(), buffer)
        ours, other = (seconds * 1000 for seconds in interleaved(vitals.look, buffer.state, 200))
    name = "one look at four cameras, against counting a buffer of 10,000 rows"
    return Row(name, ours, other, "ms", "≤ 5 ms a second", ours <= LOOK_MOST_MS)


def scraped(model_path: Path, given: Given, folder: Path) -> Row:
    """Decisions while another process asks for ``/metrics`` as fast as it is let, against decisions in peace."""
    model, frame = load(model_path, given=given), np.random.default_rng(1).integers(0, 256, (480, 640, 3), np.uint8)
    taken: dict[bool, list[float]] = {True: [], False: []}
    with closing(Buffer(folder / "health" / "scraped.db")) as buffer:
        vitals = HealthCollector(IDENTITY, [CameraView("camera", Accounts(), _filled())], Intake(), buffer)
        with _hammer(folder / "health", vitals) as (hammer, answered):
            for number in range(2 * ROUNDS):
                busy = bool(number % 2)
                hammer.send_signal(signal.SIGCONT if busy else signal.SIGSTOP)
                vitals.look()
                taken[busy] += _decide(lambda: model.predict(frame), ROUND_S)
            hammer.send_signal(signal.SIGCONT)
            rate = answered() / (ROUNDS * ROUND_S)
    ours, other = (float(np.median(taken[busy])) * 1000 for busy in (True, False))
    p99 = float(np.quantile(taken[True], 0.99) / np.quantile(taken[False], 0.99))
    name = f"decision while /metrics is asked {rate:.0f} times a second (p99 ×{p99:.2f})"
    return Row(name, ours, other, "ms", "≤ 1.05", ours / other <= 1.05)


@contextmanager
def _hammer(folder: Path, vitals: HealthCollector) -> Iterator[tuple[subprocess.Popen[str], Callable[[], int]]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with closing(StatusService(folder, f"127.0.0.1:{port}")) as service:
        service.start(lambda: vitals.latest)
        hammer = subprocess.Popen(
            [sys.executable, "-c", HAMMER, str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        try:
            yield hammer, lambda: int(hammer.communicate()[0])
        finally:
            hammer.kill()
            hammer.wait()


def _decide(decide: Callable[[], object], seconds: float) -> list[float]:
    taken, until = [], time.perf_counter() + seconds
    while (began := time.perf_counter()) < until:
        decide()
        taken.append(time.perf_counter() - began)
    return taken


def _filled() -> LatencyHistogram:
    histogram = LatencyHistogram()
    for number in range(20_000):
        histogram.add(500 + number * number % 70_000)
    return histogram


def _each(function: Callable[[int], None], values: Iterable[int]) -> None:
    for value in values:
        function(value)


def _times(function: Callable[[], None]) -> None:
    for _ in range(CALLS):
        function()
