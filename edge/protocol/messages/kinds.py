"""Kinds of messages that travel over MQTT: one frozen dataclass for each.

Every message carries ``schema`` and its key ``(device, boot_id, seq)``, by which a receiver drops repetitions.
A reader passes over keys it does not know, so an old monitor reads a newer device; a change that this cannot
bear gets a new version in the topic (:mod:`edge.protocol.topics`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from edge.core.histogram import PER_OCTAVE
from edge.protocol.record import Record

SCHEMA = 1
MAX_NAME = 64
INT64 = (1 << 63) - 1
GATE, MAY_BE_OPEN = "gate", "may be open"
"""Words of an event of the gate, in the place of the camera's name and for its fault."""
_NOT_NEGATIVE = {"min": 0, "max": INT64}


@dataclass(frozen=True, slots=True)
class Identity:
    """Identity of the device, in every message."""

    device: str
    site: str
    line: str
    boot_id: str
    model: str
    model_version: int
    labels: tuple[str, ...]
    groups: tuple[str, ...] = ()
    desired: bool = False

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
    """Fields that all messages share. ``seq`` counts messages of a kind within a boot."""

    device: str
    boot_id: str
    seq: int = field(metadata=_NOT_NEGATIVE)
    site: str = ""
    line: str = ""
    model: str = ""
    model_version: int = field(default=0, metadata=_NOT_NEGATIVE)
    schema: int = field(default=SCHEMA, metadata={"min": 1})


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusMessage(Message):
    """Retained. ``offline`` is also the will, which the broker publishes when the device falls silent."""

    state: Literal["online", "offline"]
    labels: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    """Those of its configuration, for roll-outs."""
    desired: bool = False
    """It takes the models that a roll-out wants on it."""


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
    one boot, over any time between them (:mod:`edge.protocol.latency`).

    ``buckets`` is bucket, count, bucket, count, … of the buckets that are not empty, ascending. With ``per_octave`` =
    n = 32, bucket i holds the whole microseconds from its lower edge to the next one's, which is not included. The
    lower edge is i up to 2n - 1, and (n + i % n) * 2 ** (i // n - 1) from there on. The last bucket, 831, has no end.
    """

    buckets: tuple[int, ...]
    sum_us: int = field(metadata=_NOT_NEGATIVE)
    max_us: int = field(metadata=_NOT_NEGATIVE)
    per_octave: int = field(default=PER_OCTAVE, metadata={"min": PER_OCTAVE, "max": PER_OCTAVE})


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraCounts:
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
    """Latency of the last minute."""
    latency_boot_us: Latency
    """Since the boot."""
    histogram: Histogram
    losses: int = field(default=0, metadata=_NOT_NEGATIVE)
    """Number of times that the camera was lost."""
    lost: bool = False
    """It is away now."""
    missed: int = field(default=0, metadata=_NOT_NEGATIVE)
    """Frames that the camera or its driver lost; they were never captured."""
    faults: tuple[str, ...] = ()
    """Faults of its pictures now: black, saturated, frozen, blurred; a newer device may know more."""
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
    written_mb_per_day: float | None = None
    """Megabytes a day that the daemon writes to its storage, from the last hour at most; None where nobody counts."""


@dataclass(frozen=True, slots=True)
class GateState:
    """Counts of the decisions since the boot, by what became of them, and their slack."""

    counters: dict[str, int]
    """``rejected``, ``passed``, ``fired``, ``missed``, ``missed_REASON`` and what else the kind of gate counts."""
    slack: tuple[int, ...]
    """Decisions by how long they came before the part was at the gate; the first bucket is those that came late."""
    slack_edges_ms: tuple[int, ...]
    """Lower edges of all buckets but the first."""
    problem: str = ""
    """Why the gate cannot fire now, and the way out; empty when it can."""
    faults: tuple[str, ...] = ()
    """Faults that its controller reports while they last: ``gate stuck``, ``eye blocked``, ``encoder silent``."""
    firmware: str = ""
    """The controller's version; empty where there is none, or it was not heard yet."""
    boots: int = field(default=0, metadata=_NOT_NEGATIVE)
    """Number of times that the controller has started; 0 where there is none."""
    open_since_ns: int = field(default=0, metadata=_NOT_NEGATIVE)
    """Wall clock since which its output may be on although it should be off; 0: it is known not to be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health(Message):
    """Counts since the boot, over all cameras; ``captured == decided + sum(dropped.values())`` whenever the line has
    stopped, and the difference is under way while it runs. ``dropped`` is by reason.
    """

    captured: int = field(metadata=_NOT_NEGATIVE)
    decided: int = field(metadata=_NOT_NEGATIVE)
    dropped: dict[str, int]
    latency_us: Latency
    """Latency of the last minute."""
    rate_fps: float
    """Decisions a second, over the last ten seconds."""
    buffer: BufferDepth
    rss_bytes: int = field(metadata=_NOT_NEGATIVE)
    uptime_s: float
    temperature_c: float | None = None
    latency_boot_us: Latency | None = None
    """Since the boot."""
    cameras: tuple[CameraCounts, ...] = ()
    """One for each; most devices have one."""
    judged: int = field(default=0, metadata=_NOT_NEGATIVE)
    """Parts judged, each of which is a record; equals ``decided`` where every frame is a part."""
    records_lost: int = field(default=0, metadata=_NOT_NEGATIVE)
    """Decided, but neither disk nor memory had room for the record."""
    pictures_missed: int = field(default=0, metadata=_NOT_NEGATIVE)
    """Decided, but drift did not see the picture: the recorder was behind."""
    cpu_s: float = 0.0
    """Processor time of the daemon since the boot."""
    cpu_share: float = 0.0
    """Processor time a second, over the last ten seconds: 1.0 is one core."""
    free_bytes: int | None = None
    """Room on the file system of the state folder."""
    throttled: tuple[str, ...] | None = None
    """Reasons that slow a Raspberry Pi down now, e.g. under-voltage; None where the kernel does not tell."""
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
class DriftColumn:
    """One test on one watched column. A statistic that could not be computed is None (null)."""

    name: str
    test: str
    statistic: float | None
    p_value: float | None
    threshold: float
    drifted: bool


@dataclass(frozen=True, slots=True)
class DriftAlarm:
    """A column in which the continuous watch found a lasting change; see :class:`edge.drift.DriftAlarm`."""

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
    columns: tuple[DriftColumn, ...] = ()
    """The strongest first."""
    expectations: dict[str, int] = field(default_factory=dict)
    """Number of times that each expectation (range, missing, frozen frame, …) was broken in the window."""
    alarms: tuple[DriftAlarm, ...] = ()
    """Alarms of the continuous watch within the window; ``small`` ones are said and do not alarm."""


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
    synchronized: bool | None = None
    """Whether a time service had set the wall clock of that boot; if not, wall times keep the order only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventMessage(Message):
    """A fault of a camera or of the gate that began (``active``) or is over; ``seq`` counts events within a boot."""

    camera: str
    """Its name; ``gate`` with the gate's fault."""
    fault: str
    """lost, black, saturated, frozen, blurred; of the gate ``may be open``; a newer device may know more."""
    active: bool
    since_ns: int = field(metadata=_NOT_NEGATIVE)
    """When the fault began, wall clock."""
    lasted_s: float = 0.0
    """From then to this event."""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSample(Message):
    """One record that a person is to label."""

    request: str = ""
    """Name of whoever asked for it, where somebody did."""
    record_seq: int = field(metadata=_NOT_NEGATIVE)
    """Names the record, with device and boot."""
    camera: int = field(default=0, metadata=_NOT_NEGATIVE)
    part: int = field(default=0, metadata=_NOT_NEGATIVE)
    wall_ns: int = field(default=0, metadata=_NOT_NEGATIVE)
    why: tuple[str, ...] = ()
    """random, requested, uncertain, outlying; a newer device may know more."""
    label: str = ""
    score: float = 0.0
    scores: dict[str, float] = field(default_factory=dict)
    """By label, the best ones."""
    picture: str = ""
    """PNG in base64, only where ``audit.send_images`` allows it."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One of the places that a device keeps models in."""

    name: str
    """``A`` or ``B``."""
    model: str = ""
    version: int = field(default=0, metadata=_NOT_NEGATIVE)
    sha256: str = ""
    """SHA-256 of the whole artifact."""
    state: str = "empty"
    """active, trial, good (it could be activated), bad, empty; a newer device may know more."""


@dataclass(frozen=True, slots=True)
class TrialOutcome:
    """Outcome of a model's trial, or the reason why there was none."""

    model: str
    version: int = field(metadata=_NOT_NEGATIVE)
    sha256: str
    """SHA-256 of the whole artifact."""
    result: str
    """committed, rolled back, refused; a newer device may know more."""
    reason: str
    wall_ns: int = field(metadata=_NOT_NEGATIVE)
    request: str = ""
    """Id of the roll-out or command that asked for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotsMessage(Message):
    """Retained: the device's model slots, sent at each change. ``seq`` counts the changes within a boot."""

    active: str = ""
    """Name of the active slot; empty: the factory model."""
    trial: str = ""
    """Name of the slot that is on trial now; empty: none."""
    slots: tuple[Slot, ...] = ()
    outcome: TrialOutcome | None = None
    """Outcome of the last trial or refusal."""


KINDS: dict[str, type[Message]] = {
    "status": StatusMessage,
    "health": Health,
    "drift": Drift,
    "stats": Stats,
    "predictions": Predictions,
    "event": EventMessage,
    "audit": AuditSample,
    "slots": SlotsMessage,
}


_NAMES = {kind: name for name, kind in KINDS.items()}


def kind_of(message: Message | type[Message]) -> str:
    """Name of the kind of a message or of a message class, as in its topic."""
    return _NAMES[message if isinstance(message, type) else type(message)]
