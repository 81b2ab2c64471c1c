"""Protocol between Raspberry Pi and line controller: the table of ``firmware_stubs/README.md``, in Python.

A frame is ``COBS(type, seq, payload, CRC-16 little-endian) 0x00``. COBS: Cheshire and Baker, "Consistent Overhead
Byte Stuffing", 1999; the CRC is ``binascii.crc_hqx(data, 0xFFFF)``.
"""

from __future__ import annotations

import binascii
import struct
from collections.abc import Iterator
from enum import IntEnum, IntFlag
from typing import Any, NamedTuple

PROTOCOL = 1
MAX_PAYLOAD = 64
"""Bytes."""
MAX_FRAME = MAX_PAYLOAD + 5
"""Bytes of a frame on the line, without its delimiter."""
FIRE_TEST = 0xFFFFFFFF
"""Part number in the FIRED that follows FIRE."""


class Nak(IntEnum):
    """Why a request is refused."""

    PAST = 1
    FULL = 2
    UNKNOWN = 3
    SESSION = 4
    MALFORMED = 5
    PROTOCOL = 6


class Late(IntEnum):
    """Why a part reached the gate without a decision."""

    UNDECIDED = 1
    FAILSAFE = 2
    RECONFIGURED = 3


class Action(IntEnum):
    """Action on a part that nobody decided on."""

    PASS = 0
    REJECT = 1


class ControllerFault(IntEnum):
    GATE_STUCK = 1
    EYE_BLOCKED = 2
    ENCODER_SILENT = 3

    @property
    def words(self) -> str:
        return self.name.lower().replace("_", " ")


class Flag(IntFlag):
    FAILSAFE = 1
    GATE_OPEN = 2
    EYE_BLOCKED = 4
    GATE_STUCK = 8
    ENCODER_SILENT = 16
    CONFIGURED = 32


class Hello(NamedTuple):
    """Begins a session, or asks for STATUS within it."""

    protocol: int
    session: int
    """Drawn at random, not 0: what was meant for another session is refused."""


class ControllerConfig(NamedTuple):
    session: int
    distance: int
    """Ticks from the photo-eye to the gate."""
    pulse: int
    """Ticks that the gate stays open."""
    eye_gap: int
    """Ticks within which a second edge of the photo-eye is a bounce."""
    eye_blocked: int
    """Ticks after which a dark photo-eye is a fault; 0: never."""
    silence_ms: int
    """Time without ticks after which the encoder is at fault while the gate is open, or parts come; 0: never."""
    feedback_ms: int
    """Time that the gate may take to follow; 0: there is no feedback input."""
    late: int
    failsafe: int


class Heartbeat(NamedTuple):
    session: int


class Reject(NamedTuple):
    session: int
    part: int
    tick: int
    """Absolute encoder tick at which the gate opens: that of its TRIGGER and the distance."""


class Pass(NamedTuple):
    session: int
    part: int
    tick: int


class Fire(NamedTuple):
    session: int


class Received(NamedTuple):
    """The frame's ``seq`` is the number of the next event that is expected."""

    session: int
    again: int
    """1: there was a gap, send again from there."""


class ControllerStatus(NamedTuple):
    protocol: int
    firmware: int
    """Major, minor and patch, one byte each."""
    session: int
    """0 after a restart, until HELLO."""
    boots: int
    uptime_ms: int
    time_us: int
    tick: int
    queue: int
    flags: int
    next_event: int
    triggers: int
    fired: int
    passed: int
    late: int
    untracked: int
    lost_events: int
    bad_frames: int

    @property
    def version(self) -> str:
        """The firmware's, ``1.0.0``."""
        return ".".join(map(str, self.firmware.to_bytes(4, "big")[1:]))


class Ack(NamedTuple):
    request: int
    part: int


class Refusal(NamedTuple):
    """NAK."""

    request: int
    reason: int
    part: int


class Alive(NamedTuple):
    """The answer to HEARTBEAT."""

    session: int
    time_us: int
    tick: int
    flags: int


class Trigger(NamedTuple):
    part: int
    tick: int
    time_us: int
    """The controller's clock at the photo-eye's edge, modulo 2**32."""


class Fired(NamedTuple):
    part: int
    tick: int


class LatePart(NamedTuple):
    """LATE."""

    part: int
    tick: int
    reason: int
    action: int


class FaultReport(NamedTuple):
    """FAULT."""

    kind: int
    active: int
    tick: int


ControllerMessage = (
    Hello
    | ControllerConfig
    | Heartbeat
    | Reject
    | Pass
    | Fire
    | Received
    | ControllerStatus
    | Ack
    | Refusal
    | Alive
    | Trigger
    | Fired
    | LatePart
    | FaultReport
)


_SIZES = {"B": "u8", "H": "u16", "I": "u32"}


class MessageKind(NamedTuple):
    """A row of the table."""

    number: int
    name: str
    sender: str
    """``pi``, ``mcu``, or ``event``: from the controller, again and again until it is RECEIVED."""
    cls: Any
    layout: struct.Struct

    @property
    def fields(self) -> str:
        """Fields as the table writes them, ``part:u32 tick:u32``."""
        codes = self.layout.format.removeprefix("<")
        pairs = zip(self.cls._fields, codes, strict=True)
        return " ".join(f"{name}:{_SIZES[code]}" for name, code in pairs)


KINDS = tuple(
    MessageKind(number, name, sender, cls, struct.Struct("<" + layout))
    for number, name, sender, cls, layout in (
        (0x01, "hello", "pi", Hello, "BI"),
        (0x02, "config", "pi", ControllerConfig, "IIHHHHHBB"),
        (0x03, "heartbeat", "pi", Heartbeat, "I"),
        (0x04, "reject", "pi", Reject, "III"),
        (0x05, "pass", "pi", Pass, "III"),
        (0x06, "fire", "pi", Fire, "I"),
        (0x07, "received", "pi", Received, "IB"),
        (0x81, "status", "mcu", ControllerStatus, "BIIIIIIBBBIIIIIII"),
        (0x82, "ack", "mcu", Ack, "BI"),
        (0x83, "nak", "mcu", Refusal, "BBI"),
        (0x84, "alive", "mcu", Alive, "IIIB"),
        (0x91, "trigger", "event", Trigger, "III"),
        (0x92, "fired", "event", Fired, "II"),
        (0x93, "late", "event", LatePart, "IIBB"),
        (0x94, "fault", "event", FaultReport, "BBI"),
    )
)
_BY_NUMBER = {kind.number: kind for kind in KINDS}
_BY_CLASS = {kind.cls: kind for kind in KINDS}
EVENTS = frozenset(kind.number for kind in KINDS if kind.sender == "event")


def number_of(cls: type) -> int:
    """The type byte of a message class."""
    return _BY_CLASS[cls].number


class WireFrame(NamedTuple):
    type: int
    seq: int
    payload: bytes

    def message(self) -> ControllerMessage | None:
        """None for an unknown type, or a payload of another size."""
        kind = _BY_NUMBER.get(self.type)
        if kind is None or len(self.payload) != kind.layout.size:
            return None
        message: ControllerMessage = kind.cls._make(kind.layout.unpack(self.payload))
        return message


def encode(message: ControllerMessage, seq: int) -> bytes:
    """The frame on the line, its delimiter included; ``seq`` is taken modulo 256."""
    kind = _BY_CLASS[type(message)]
    return frame_bytes(kind.number, seq, kind.layout.pack(*message))


def frame_bytes(number: int, seq: int, payload: bytes) -> bytes:
    """Raises ValueError for a payload of more than MAX_PAYLOAD bytes."""
    if len(payload) > MAX_PAYLOAD:
        raise ValueError(f"payload: expected at most {MAX_PAYLOAD} bytes, got {len(payload)}")
    content = bytes((number, seq & 0xFF)) + payload
    return cobs_encode(content + binascii.crc_hqx(content, 0xFFFF).to_bytes(2, "little")) + b"\0"


class Decoder:
    """Bytes in, good frames out; what is damaged is counted in ``bad`` and passed over."""

    def __init__(self) -> None:
        self.bad = 0
        self._begun = b""

    def feed(self, data: bytes) -> Iterator[WireFrame]:
        """Each good frame that ``data`` completes."""
        if 0 not in data:
            self._begun = (self._begun + data)[: MAX_FRAME + 1]  # too long already is as bad as longer
            return
        *whole, self._begun = (self._begun + data).split(b"\0")
        self._begun = self._begun[: MAX_FRAME + 1]
        for raw in whole:
            if raw:
                frame = _frame_of(raw)
                if frame is None:
                    self.bad += 1
                else:
                    yield frame


def _frame_of(raw: bytes) -> WireFrame | None:
    content = cobs_decode(raw) if len(raw) <= MAX_FRAME else None
    if content is None or len(content) < 4:
        return None
    body, crc = content[:-2], content[-2:]
    if binascii.crc_hqx(body, 0xFFFF) != crc[0] | crc[1] << 8:
        return None
    return WireFrame(body[0], body[1], body[2:])


def cobs_encode(data: bytes) -> bytes:
    """Without a zero byte; at most ``len(data) // 254 + 1`` bytes longer."""
    out = bytearray()
    if len(data) < 254:  # as all our frames are: no block is full
        for piece in data.split(b"\0"):
            out.append(len(piece) + 1)
            out += piece
        return bytes(out)
    *pieces, last = data.split(b"\0")
    for piece in pieces:
        out += _blocks(piece)
        # A full block has no zero of its own: an empty one brings it.
        out += b"\1" if piece and len(piece) % 254 == 0 else b""
    return bytes(out + _blocks(last))


def _blocks(piece: bytes) -> bytes:
    """Bytes without a zero as blocks of at most 254, each behind its length + 1."""
    starts = range(0, len(piece) or 1, 254)
    return b"".join(bytes((len(piece[at : at + 254]) + 1,)) + piece[at : at + 254] for at in starts)


def cobs_decode(data: bytes) -> bytes | None:
    """None for what no encoder writes."""
    if not data or 0 in data:
        return None
    out = bytearray(data)
    at, size = 0, len(data)
    full: list[int] = []
    while at < size:
        code = data[at]
        out[at] = 0
        at += code
        if code == 255 and at < size:
            full.append(at)
    for code_at in reversed(full):  # behind a full block there was no zero
        del out[code_at]
    return bytes(out[1:]) if at == size else None
