"""The firmware's core as a shared library: what a board is to it, a test is here."""

from __future__ import annotations

import ctypes as c
import itertools
from pathlib import Path

from edge.gates.controller.protocol import (
    EVENTS,
    ControllerConfig,
    ControllerMessage,
    Decoder,
    Heartbeat,
    Hello,
    Received,
    WireFrame,
    encode,
)

_Output = c.CFUNCTYPE(None, c.c_void_p, c.c_int)
_Write = c.CFUNCTYPE(None, c.c_void_p, c.POINTER(c.c_uint8), c.c_size_t)
_Plain = c.CFUNCTYPE(None, c.c_void_p)

SESSION = 0xC0FFEE
LINE = ControllerConfig(SESSION, 100, 5, 2, 50, 200, 20, 0, 0)


class _Board(c.Structure):
    _fields_ = (
        ("context", c.c_void_p),
        ("gate", _Output),
        ("alarm", _Output),
        ("write", _Write),
        ("lock", _Plain),
        ("unlock", _Plain),
    )


class Core:
    """One controller. Time stands still but for :meth:`wait`."""

    def __init__(self, folder: Path) -> None:
        self.library = c.CDLL(str(folder / "libcontroller.so"))
        self.library.lc_size.restype = self.library.lc_retained_size.restype = c.c_size_t
        self.memory = c.create_string_buffer(b"\xa5" * self.library.lc_size())
        self.retained = c.create_string_buffer(b"\xa5" * self.library.lc_retained_size())
        self.now_us, self.tick = 1000, 0
        self.gate: list[tuple[int, bool]] = []
        self.alarm = False
        self.said: list[WireFrame] = []
        self._decoder = Decoder()
        self._seq = itertools.count(1)
        self._next_event = 0
        self._happened: list[ControllerMessage] = []
        nothing = _Plain(lambda _: None)
        self._board = _Board(None, _Output(self._gate), _Output(self._alarm), _Write(self._write), nothing, nothing)
        self.start()

    def start(self) -> None:
        """Power on, or a reset."""
        self.tick = self._next_event = 0
        self.library.lc_start(self.memory, c.byref(self._board), self.retained, c.c_uint32(self.now_us))

    def greet(self, config: ControllerConfig = LINE, session: int = SESSION) -> None:
        """Says hello, configures and sends a heartbeat."""
        self.ask(Hello(1, session))
        self.ask(config._replace(session=session))
        self.ask(Heartbeat(session))

    def ask(self, message: ControllerMessage, seq: int | None = None) -> list[ControllerMessage]:
        """Everything that the controller says to that."""
        return self.feed(encode(message, next(self._seq) if seq is None else seq))

    def feed(self, data: bytes) -> list[ControllerMessage]:
        self.said.clear()
        for byte in data:
            self.library.lc_receive(self.memory, c.c_uint8(byte), c.c_uint32(self.now_us))
        return self.heard()

    def heard(self) -> list[ControllerMessage]:
        """What was said since the last time, messages only."""
        messages = [message for frame in self.said if (message := frame.message())]
        assert len(messages) == len(self.said)
        self.said.clear()
        return messages

    def poll(self) -> list[ControllerMessage]:
        self.library.lc_poll(self.memory, c.c_uint32(self.now_us))
        return self.heard()

    def events(self) -> list[ControllerMessage]:
        """What happened since the last time, each event once; they are confirmed."""
        before = -1
        while before != len(self._happened):
            before = len(self._happened)
            self.poll()
            self.ask(Received(SESSION, 0), self._next_event)
        happened, self._happened = self._happened, []
        return happened

    def wait(self, ms: float, beating: bool = True) -> list[ControllerMessage]:
        """Time passes, in steps of at most 5 ms, with or without heartbeats."""
        until = self.now_us + round(ms * 1000)
        heard: list[ControllerMessage] = []
        while self.now_us < until:
            self.now_us = min(self.now_us + 5000, until)
            if beating:
                self.ask(Heartbeat(SESSION))
            heard += self.poll()
        return heard

    def move(self, ticks: int) -> None:
        for _ in range(ticks):
            self.tick += 1
            self.library.lc_encoder(self.memory)

    def part(self) -> int:
        """A part passes the photo-eye; returns its tick."""
        self.eye(True)
        self.eye(False)
        return self.tick

    def eye(self, blocked: bool) -> None:
        self.library.lc_eye(self.memory, c.c_int(blocked), c.c_uint32(self.now_us))

    def feedback(self, is_open: bool) -> None:
        self.library.lc_feedback(self.memory, c.c_int(is_open))

    @property
    def opened(self) -> list[int]:
        """Ticks at which the gate went from closed to open."""
        return [
            tick
            for (tick, now), before in zip(self.gate, [False, *(b for _, b in self.gate)], strict=False)
            if now and not before
        ]

    def _gate(self, _: object, is_open: int) -> None:
        self.gate.append((self.tick, bool(is_open)))

    def _alarm(self, _: object, on: int) -> None:
        self.alarm = bool(on)

    def _write(self, _: object, data: object, size: int) -> None:
        frames = list(self._decoder.feed(c.string_at(data, size)))  # type: ignore[arg-type]
        for frame in frames:
            if frame.type in EVENTS and frame.seq == self._next_event % 256:
                self._next_event += 1
                message = frame.message()
                assert message
                self._happened.append(message)
        self.said += frames
