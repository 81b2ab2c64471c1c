"""A belt with parts in front of an emulated controller, the serial gate behind it, and disturbances in between."""

from __future__ import annotations

import random
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from edge.gates.controller.controller import GateOutcome, SerialGate
from edge.gates.controller.port import Port
from edge.gates.controller.protocol import ControllerConfig
from edge.inference.artifact.manifest import OutputSpec
from edge.inference.judgement import Judgement
from edge.inference.tasks.classification import Decision
from tests.firmware_stubs.emulator import Emulator
from tests.firmware_stubs.wire import Wire

DISTANCE, PULSE = 90, 1
SPACING = (2, 4)
"""Ticks between two parts, least and most: beyond the pulse and what counts as a bounce; 30 are on their way at
once."""
SETTINGS = ControllerConfig(
    0, DISTANCE, PULSE, eye_gap=1, eye_blocked=0, silence_ms=0, feedback_ms=0, late=0, failsafe=0
)
TOLERANCE_MS = 1.0
BAD_SHARE = 0.25
DISTURBED_SHARE = 0.01
KINDS = ("drop", "flip", "duplicate", "stall", "reset")
SPEEDS_MS = (2.6, 3.0, 4.0, 5.0)
"""Least time between two parts, one after another for 250 parts each: beyond the tolerance, whatever the load."""
LATENCIES = (0, 1, 3, 8)
"""Parts that pass before a part is decided on, chosen anew every 100 parts."""
TOO_LATE_SHARE, TOO_LATE = 0.002, 60
SCORES, OUTPUT = np.ones(1, np.float32), OutputSpec(1, "float32")


@dataclass(frozen=True)
class Passed:
    """A part that went by."""

    boot: int
    tick: int
    bad: bool


class DisturbedLine:
    """Runs parts by and keeps what really happened: ``parts``, and in ``opened`` the gate's ticks per boot."""

    def __init__(self, emulator: Emulator, seed: int) -> None:
        self.parts: list[Passed] = []
        self.opened: list[list[int]] = []
        self.outcomes: list[GateOutcome] = []
        self.handshakes_s: list[float] = []
        self.disturbances: Counter[str] = Counter()
        self._random = random.Random(seed)
        self._emulator = emulator
        self._wire = Wire(emulator.line, seed)
        self._waiting: deque[tuple[int, Judgement]] = deque()
        self._next_ns = 0
        self._reset_ns = 0
        self.gate = SerialGate(
            Port(self._wire.path), SETTINGS, tolerance_ms=TOLERANCE_MS, listener=self.outcomes.append
        )
        _wait_until(lambda: self.gate.link.state == "up")

    def close(self) -> None:
        self.gate.close()
        self._wire.close()

    def run(self, count: int) -> None:
        for part in range(count):
            if self._random.random() < DISTURBED_SHARE:
                self._disturb()
            self._let_pass(part)
            self._decide(part)
            self._watch_handshake()
        self._decide(count + TOO_LATE)
        time.sleep(0.1)
        self._emulator.step(DISTANCE + PULSE + 1)
        self.opened.append(self._emulator.opened)
        _wait_until(lambda: len(self.outcomes) == sum(part.bad for part in self.parts))

    def _disturb(self) -> None:
        kind = self._random.choice(KINDS)
        self.disturbances[kind] += 1
        if kind != "reset":
            self._wire.disturb(kind)  # type: ignore[arg-type]
            return
        opened = self._emulator.opened
        self._emulator.reset()
        self.opened.append(opened)
        self._reset_ns = time.monotonic_ns()

    def _let_pass(self, part: int) -> None:
        emulator = self._emulator
        emulator.step(self._random.randint(*SPACING))
        time.sleep(max(0, self._next_ns - time.monotonic_ns()) / 1e9)
        before_ns, after_ns = emulator.part()
        self._next_ns = after_ns + round(SPEEDS_MS[part // 250 % len(SPEEDS_MS)] * 1e6)
        bad = self._random.random() < BAD_SHARE
        self.parts.append(Passed(len(self.opened), emulator.tick, bad))
        decision = Decision("", 0, 1.0, bad, SCORES, OUTPUT)
        taken_ns = (before_ns + after_ns) // 2
        due = part + (TOO_LATE if self._random.random() < TOO_LATE_SHARE else LATENCIES[part // 100 % len(LATENCIES)])
        self._waiting.append((due, Judgement(0, part, taken_ns, taken_ns, 0, decision)))

    def _decide(self, part: int) -> None:
        """In order, as one thread would."""
        while self._waiting and self._waiting[0][0] <= part:
            self.gate.act(self._waiting.popleft()[1])

    def _watch_handshake(self) -> None:
        if self._reset_ns and self.gate.link.state == "up" and self.gate.link.up_since_ns > self._reset_ns:
            self.handshakes_s.append((self.gate.link.up_since_ns - self._reset_ns) / 1e9)
            self._reset_ns = 0


@contextmanager
def disturbed_line(seed: int) -> Iterator[DisturbedLine]:
    emulator = Emulator()
    try:
        line = DisturbedLine(emulator, seed)
        try:
            yield line
        finally:
            line.close()
    finally:
        emulator.stop()


def _wait_until(condition: object, seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < until, "did not come true in time"
        time.sleep(0.005)
