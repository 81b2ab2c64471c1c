"""What the line controller's link costs: round trips to the firmware's host build on a pty, CPU per decision."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from edge.gates.controller.controller import SerialGate
from edge.gates.controller.port import Port
from edge.gates.controller.protocol import Alive, ControllerConfig, Decoder, Heartbeat, Hello, encode
from edge.inference.artifact.manifest import OutputSpec
from edge.inference.judgement import Judgement
from edge.inference.tasks.classification import Decision
from tests.bench.setting import Setting
from tests.bench.timing import Row
from tests.firmware_stubs.hosted import HostedController, wait_until

ROUNDS = 5000
DECISIONS = 1000
_EVERY_S = 0.01
_SEEN_S = 0.005
"""From the photo-eye to the verdict: exposure and model take at least so long on any board."""
LINE = ControllerConfig(0, 200, 5, 2, 0, 0, 0, 0, 0)


def rows(setting: Setting) -> Iterator[Row]:
    yield from round_trips()
    yield from cpu_per_decision()


@contextmanager
def _controller() -> Iterator[HostedController]:
    with tempfile.TemporaryDirectory() as folder:
        hosted = HostedController(Path(folder) / "line")
        try:
            yield hosted
        finally:
            hosted.stop()


def round_trips() -> Iterator[Row]:
    """A heartbeat and its answer, through pyserial and both codecs."""
    with _controller() as hosted:
        port = Port(str(hosted.port))
        port.open()
        taken = sorted(_round_trip(port, Decoder(), number) for number in range(ROUNDS))
        port.close()
    p50, p99 = 1000 * taken[ROUNDS // 2], 1000 * taken[ROUNDS * 99 // 100]
    yield Row("gate: round trip to the controller's host build, p50", p50, None, "ms", "first figure", True)
    yield Row("gate: round trip to the controller's host build, p99", p99, None, "ms", "≤ 2 ms", p99 <= 2.0)


def _round_trip(port: Port, decoder: Decoder, number: int) -> float:
    import select

    began = time.perf_counter()
    port.write(encode(Hello(1, 9), number) if number == 0 else encode(Heartbeat(9), number))
    while True:
        select.select([port.fd], [], [], 1.0)
        for frame in decoder.feed(port.read()):
            if number == 0 or isinstance(frame.message(), Alive):
                return time.perf_counter() - began


def cpu_per_decision() -> Iterator[Row]:
    """All that the process spends on a decision, whichever thread: trigger in, verdict out, its answers, its event.

    The belt brings a hundred parts a second. What the bench itself needs for them, and for heartbeats, is taken off.
    """
    with _controller() as hosted:
        gate = SerialGate(Port(str(hosted.port)), LINE, tolerance_ms=4.0)
        wait_until(lambda: gate.link.state == "up")
        time.sleep(0.5)
        called: list[float] = []
        spent = _spend(gate, hosted, called)
        bare = _bare_belt(hosted)  # the link is up, so its heartbeats are in it
        counts = gate.counters()
        gate.close()
    each_us = (spent - bare) / DECISIONS * 1e6
    act_us = statistics.median(called) * 1e6
    done = counts["fired"] / counts["rejected"]
    name = f"gate: CPU added per decision, all threads ({100 * done:.0f}% of rejects fired)"
    yield Row(name, each_us, None, "µs", "≤ 100 µs", each_us <= 100.0)
    yield Row("gate: CPU of act() on the decision thread", act_us, None, "µs", "≤ 100 µs", act_us <= 100.0)


def _spend(gate: SerialGate, hosted: HostedController, called: list[float]) -> float:
    """CPU seconds."""
    began = time.process_time()
    for part in range(DECISIONS):
        hosted.do("tick 10", "eye")
        judgement = _judgement(part)
        time.sleep(_SEEN_S)
        start = time.thread_time()
        gate.act(judgement)
        called.append(time.thread_time() - start)
        time.sleep(_EVERY_S - _SEEN_S)
    return time.process_time() - began


def _bare_belt(hosted: HostedController) -> float:
    """CPU seconds of the bench's own work in as many rounds."""
    began = time.process_time()
    for part in range(DECISIONS):
        hosted.do("tick 0", "")
        _judgement(part)
        time.sleep(_SEEN_S)
        time.thread_time(), time.thread_time()
        time.sleep(_EVERY_S - _SEEN_S)
    return time.process_time() - began


def _judgement(part: int) -> Judgement:
    decision = Decision("", 0, 1.0, part % 5 == 0, np.ones(1, np.float32), OutputSpec(1, "float32"))
    return Judgement(0, part, time.monotonic_ns(), time.time_ns(), 0, decision)
