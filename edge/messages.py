"""What travels over MQTT: one frozen dataclass for each kind of message, as JSON in UTF-8.

Every message carries ``schema`` and its key ``(device, boot_id, seq)``, by which a receiver drops repetitions.
A reader passes over keys it does not know, so an old monitor reads a newer device; a change that this cannot
bear gets a new version in the topic (:mod:`edge.sync.topics`). Text holds nothing that a terminal would obey, numbers
are finite and fit 64 bits.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn

from edge.errors import ConfigError, MessageError
from edge.health.histogram import PER_OCTAVE, Distribution
from edge.record import Record
from edge.typed import build, plain

SCHEMA = 1
MAX_BYTES = 1 << 20
"""A longer message is refused unread."""
MAX_DEPTH = 16
MAX_NAME = 64
_INT64 = (1 << 63) - 1
# Control characters, directional overrides, and lone surrogates, which no database takes.
_UNFIT = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_NOT_NEGATIVE = {"least": 0, "most": _INT64}


@dataclass(frozen=True, slots=True)
class Identity:
    """Who speaks: goes into every message."""

    device: str
    site: str
    line: str
    boot_id: str
    model: str
    model_version: int
    labels: tuple[str, ...]

    def head(self, seq: int) -> dict[str, Any]:
        """The fields that all messages share: ``Health(**identity.head(seq), captured=…)``."""
        return {
            "device": self.device,
            "boot_id": self.boot_id,
            "seq": seq,
            "site": self.site,
            "line": self.line,
            "model": self.model,
            "model_version": self.model_version,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What all messages share. ``seq`` counts messages of a kind within a boot."""

    device: str
    boot_id: str
    seq: int = field(metadata=_NOT_NEGATIVE)
    site: str = ""
    line: str = ""
    model: str = ""
    model_version: int = field(default=0, metadata=_NOT_NEGATIVE)
    schema: int = field(default=SCHEMA, metadata={"least": 1})


@dataclass(frozen=True, slots=True, kw_only=True)
class Status(Message):
    """Retained. ``offline`` is also the will, which the broker publishes when the device falls silent."""

    state: Literal["online", "offline"]
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Latency:
    """From capture to decision, microseconds: right, or at most 3.1 % too high. All 0 where nothing was decided."""

    p50: float
    p90: float
    p99: float
    max: float
    p999: float | None = None
    """None from devices that do not tell."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """Latencies since the boot, for adding up: over cameras and devices, and, as the difference of two messages of
    one boot, over any time between them (:mod:`edge.health.merging`).

    ``buckets`` is bucket, count, bucket, count, … of the buckets that are not empty, ascending. With ``per_octave`` =
    n = 32, bucket i holds the whole microseconds from its lower edge to the next one's, which is not included. The
    lower edge is i up to 2n - 1, and (n + i % n) * 2 ** (i // n - 1) from there on. The last bucket, 831, has no end.
    """

    buckets: tuple[int, ...]
    sum_us: int = field(metadata=_NOT_NEGATIVE)
    max_us: int = field(metadata=_NOT_NEGATIVE)
    per_octave: int = field(default=PER_OCTAVE, metadata={"least": PER_OCTAVE, "most": PER_OCTAVE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """One camera and what was judged of its frames. Counts are since the boot."""

    name: str
    captured: int = field(metadata=_NOT_NEGATIVE)
    decided: int = field(metadata=_NOT_NEGATIVE)
    dropped: dict[str, int]
    recent_captured: int = field(metadata=_NOT_NEGATIVE)
    recent_dropped: dict[str, int]
    """In the last minute, as ``recent_captured``."""
    rate_fps: float
    """Decisions a second, over the last ten seconds."""
    latency_us: Latency
    """Of the last minute."""
    latency_boot_us: Latency
    """Since the boot."""
    histogram: Histogram
    losses: int = field(default=0, metadata=_NOT_NEGATIVE)
    """How often the camera was lost."""
    lost: bool = False
    """It is away now."""
    missed: int = field(default=0, metadata=_NOT_NEGATIVE)
    """Frames that the camera or its driver lost; they were never captured."""
    faults: tuple[str, ...] = ()
    """What is wrong with its pictures now: black, saturated, frozen, blurred; a newer device may know more."""
    judged: int = field(default=0, metadata=_NOT_NEGATIVE)
    """Parts judged; equals ``decided`` where every frame is a part."""
    parts_lost: int = field(default=0, metadata=_NOT_NEGATIVE)
    """Parts that went out of sight before they could be judged."""


@dataclass(frozen=True, slots=True)
class BufferDepth:
    """The local buffer: rows, rows that wait for delivery, size, and records that had to make room since the file was
    made, ``evicted_undelivered`` of them before anybody had them. ``unwritten`` records of this boot wait in memory.
    """

    entries: int = field(metadata=_NOT_NEGATIVE)
    pending: int = field(metadata=_NOT_NEGATIVE)
    bytes: int = field(metadata=_NOT_NEGATIVE)
    evicted: int = field(metadata=_NOT_NEGATIVE)
    evicted_undelivered: int = field(default=0, metadata=_NOT_NEGATIVE)
    unwritten: int = field(default=0, metadata=_NOT_NEGATIVE)


@dataclass(frozen=True, slots=True)
class GateState:
    """What became of the decisions since the boot: ``edge.gate.Gate.counters`` and its slack."""

    counters: dict[str, int]
    """``rejected``, ``passed``, ``fired``, ``missed``, ``missed_REASON`` and what else the kind of gate counts."""
    slack: tuple[int, ...]
    """Decisions by how long they came before the part was at the gate; the first bucket is those that came late."""
    slack_edges_ms: tuple[int, ...]
    """Lower edges of all buckets but the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health(Message):
    """Counts since the boot, over all cameras; ``captured == decided + sum(dropped.values())`` whenever the line has
    stopped, and the difference is under way while it runs. ``dropped`` is by reason.
    """

    captured: int = field(metadata=_NOT_NEGATIVE)
    decided: int = field(metadata=_NOT_NEGATIVE)
    dropped: dict[str, int]
    latency_us: Latency
    """Of the last minute."""
    rate_fps: float
    """Decisions a second, over the last ten seconds."""
    buffer: BufferDepth
    rss_bytes: int = field(metadata=_NOT_NEGATIVE)
    uptime_s: float
    temperature_c: float | None = None
    latency_boot_us: Latency | None = None
    """Since the boot."""
    cameras: tuple[Camera, ...] = ()
    """One for each; most devices have one."""
    judged: int = field(default=0, metadata=_NOT_NEGATIVE)
    """Parts judged, each of which is a record; equals ``decided`` where every frame is a part."""
    records_lost: int = field(default=0, metadata=_NOT_NEGATIVE)
    """Decided, but neither disk nor memory had room for the record."""
    pictures_missed: int = field(default=0, metadata=_NOT_NEGATIVE)
    """Decided, but drift did not see the picture: the back office was behind."""
    cpu_s: float = 0.0
    """Processor time of the daemon since the boot."""
    cpu_share: float = 0.0
    """Processor time a second, over the last ten seconds: 1.0 is one core."""
    free_bytes: int | None = None
    """Room on the file system of the state folder."""
    throttled: tuple[str, ...] | None = None
    """What slows a Raspberry Pi down now, e.g. under-voltage; None where the kernel does not tell."""
    gate: GateState | None = None
    """None on a line that only watches."""


@dataclass(frozen=True, slots=True)
class Window:
    """The records a window is made of: ``seq`` of the first and last, how many, and their wall-clock times."""

    first_seq: int = field(metadata=_NOT_NEGATIVE)
    last_seq: int = field(metadata=_NOT_NEGATIVE)
    count: int = field(metadata=_NOT_NEGATIVE)
    start_ns: int = field(metadata=_NOT_NEGATIVE)
    end_ns: int = field(metadata=_NOT_NEGATIVE)


@dataclass(frozen=True, slots=True)
class Column:
    """One test on one watched column. A statistic that could not be computed is None (null)."""

    name: str
    test: str
    statistic: float | None
    p_value: float | None
    threshold: float
    drifted: bool


@dataclass(frozen=True, slots=True)
class Alarm:
    """A column in which the continuous watch found a lasting change; see :class:`edge.drift.Alarm`."""

    name: str
    evidence: float
    effect: float
    shift: float
    since_seq: int = field(metadata=_NOT_NEGATIVE)
    small: bool
    kind: str = ""
    """``data`` or ``target``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift(Message):
    """The verdict on a window, whose number is ``seq``. ``share`` of the columns drifted, from 0 to 1."""

    camera: str = ""
    """Name of the camera whose parts they are."""
    window: Window
    drifted: bool
    share: float
    kind: str = ""
    """The first column's: ``data`` (what is seen) or ``target`` (what the model makes of it). Empty: nothing did."""
    columns: tuple[Column, ...] = ()
    """The strongest first."""
    expectations: dict[str, int] = field(default_factory=dict)
    """How often each expectation (range, missing, frozen frame, …) was broken in the window."""
    alarms: tuple[Alarm, ...] = ()
    """Of the continuous watch within the window; ``small`` ones are said and do not alarm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats(Message):
    """The mergeable statistics of window ``seq``; ``pane`` belongs to :mod:`edge.drift`."""

    camera: str = ""
    pane: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictions(Message):
    """Decisions, many to a message; ``seq`` is that of the first. ``label`` in a record indexes ``labels``,
    which is empty (and ``model_version`` 0) when the sender no longer knows those of an earlier boot.

    In JSON a record is ``[seq, captured_ns, wall_ns, latency_us, score, label, flags, camera, part, belt_px]``.
    """

    labels: tuple[str, ...] = ()
    records: tuple[Record, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(Message):
    """A camera's fault that began (``active``) or is over; ``seq`` counts events within a boot."""

    camera: str
    """Its name."""
    fault: str
    """lost, black, saturated, frozen, blurred; a newer device may know more."""
    active: bool
    since_ns: int = field(metadata=_NOT_NEGATIVE)
    """When the fault began, wall clock."""
    lasted_s: float = 0.0
    """From then to this event."""
    detail: str = ""


KINDS: dict[str, type[Message]] = {
    "status": Status,
    "health": Health,
    "drift": Drift,
    "stats": Stats,
    "predictions": Predictions,
    "event": Event,
}


def kind_of(message: Message) -> str:
    """The name of a message's kind, as in its topic."""
    return type(message).__name__.lower()


def encode(message: Message) -> bytes:
    """Compact JSON. NaN and infinities become null, for JSON has no word for them."""
    if isinstance(message, Predictions):
        # Records by hand: plain() would look at each of some thousand numbers. Six digits are what float32 holds.
        fields = {name: plain(getattr(message, name)) for name in _PREDICTIONS_HEAD}
        fields["records"] = [(*r[:4], round(r.score, 6), *r[5:]) for r in message.records]
    else:
        fields = plain(message)
    try:
        return _dump(fields)
    except ValueError:
        return _dump(_finite(fields))


def decode(kind: str, data: bytes) -> Message:
    """The inverse of :func:`encode`, for data that anybody may have sent. Raises MessageError."""
    if kind not in KINDS:
        raise MessageError(f"{kind!r} is not a kind of message; known are {', '.join(KINDS)}")
    fields = _load(kind, data)
    if kind == "predictions":
        fields["records"] = _records(fields.get("records"))
    try:
        message = build(KINDS[kind], fields, kind, strict=False)
    except ConfigError as error:
        raise MessageError(str(error)) from None
    _check_names(kind, message)
    if isinstance(message, Health):
        _check_histograms(message)
    return message


_PREDICTIONS_HEAD = [name for name in Predictions.__dataclass_fields__ if name != "records"]


def _dump(fields: Any) -> bytes:
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _load(kind: str, data: bytes) -> dict[str, Any]:
    if len(data) > MAX_BYTES:
        raise MessageError(f"{kind}: {len(data)} bytes, at most {MAX_BYTES} are read")
    try:
        fields = json.loads(data.decode(), parse_constant=_refuse_constant)
    except RecursionError:
        raise MessageError(f"{kind}: nested deeper than {MAX_DEPTH} levels") from None
    except ValueError as error:
        raise MessageError(f"{kind}: not JSON in UTF-8: {error}") from None
    if not isinstance(fields, dict):
        raise MessageError(f"{kind}: expected a JSON object, got {type(fields).__name__}")
    _check(kind, fields, 1)
    return fields


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number in JSON")


def _check(kind: str, value: Any, depth: int) -> None:
    """What no field's type says: depth, finite and storable numbers, text that a terminal or a page can show."""
    if isinstance(value, str):
        if _UNFIT.search(value):
            raise MessageError(f"{kind}: control characters in {value[:40]!r}")
    elif isinstance(value, int):
        if not -_INT64 <= value <= _INT64:
            raise MessageError(f"{kind}: a whole number beyond 64 bits")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise MessageError(f"{kind}: a number too large to be told from infinity")
    elif isinstance(value, list | dict):
        if depth > MAX_DEPTH:
            raise MessageError(f"{kind}: nested deeper than {MAX_DEPTH} levels")
        _check_all(kind, value, depth)


def _check_all(kind: str, container: list[Any] | dict[str, Any], depth: int) -> None:
    if isinstance(container, dict):
        for key in container:
            _check(kind, key, depth)
        container = list(container.values())
    for item in container:
        _check(kind, item, depth + 1)


def _check_names(kind: str, message: Message) -> None:
    for name in ("device", "boot_id", "site", "line", "model"):
        value = getattr(message, name)
        if len(value) > MAX_NAME or (not value and name in ("device", "boot_id")):
            raise MessageError(f"{kind}.{name}: expected 1 to {MAX_NAME} characters, got {len(value)}")


def _check_histograms(health: Health) -> None:
    for i, camera in enumerate(health.cameras):
        try:
            Distribution.from_sparse(camera.histogram.buckets, 0, 0)
        except ValueError as error:
            raise MessageError(f"health.cameras[{i}].histogram.buckets: {error}") from None


def _records(rows: Any) -> tuple[Record, ...]:
    if not isinstance(rows, list):
        raise MessageError("predictions.records: expected a list")
    return tuple(_record(row, i) for i, row in enumerate(rows))


def _record(row: Any, i: int) -> Record:
    # A newer device may append to a record.
    if not isinstance(row, list) or len(row) < len(Record._fields):
        raise MessageError(f"predictions.records[{i}]: expected {', '.join(Record._fields)}")
    record = Record._make(row[: len(Record._fields)])
    if record.score is None:
        record = record._replace(score=math.nan)
    whole = (*record[:4], *record[5:])
    if type(record.score) not in (int, float) or any(type(n) is not int or n < 0 for n in whole):
        raise MessageError(f"predictions.records[{i}]: expected whole numbers from 0 on and a score, got {row!r:.60}")
    return record
