"""Reading interface for pages, alerts and programs: one small interface, and the rows that it answers with.

Times are wall clock in nanoseconds: those of windows the device's, those of health and events received the monitor's.
Names and texts are what devices sent: whoever shows them escapes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from edge.drift.pane import Pane
from edge.drift.reference import Reference
from edge.drift.watch.verdict import WindowVerdict
from edge.protocol.messages import DriftColumn, Health

Sort = Literal[
    "place", "device", "state", "model", "seen", "fps", "p99", "dropped", "pending", "temperature", "drift", "since"
]
"""``place``: site, line, device; ``drift``: those that drift first, the smallest p-value first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """All that is given must hold; None and empty texts ask nothing."""

    site: str | None = None
    line: str | None = None
    model: str | None = None
    version: int | None = None
    state: str | None = None
    drifted: bool | None = None
    text: str = ""
    """Part of the device's, site's, line's or model's name, in any case."""
    feature: str | None = None
    """The strongest one of a device that drifts."""
    seen_before_ns: int | None = None
    """Quiet since then at least."""
    devices: tuple[str, ...] | None = None
    """Only these."""


@dataclass(frozen=True, slots=True)
class FleetRow:
    """A device in the overview. None: it has not told yet."""

    device: str
    site: str
    line: str
    state: str
    """``online``, ``offline``, or empty when no status came."""
    model: str
    version: int
    slot: str
    seen_ns: int
    """When anything last came of it."""
    fps: float | None
    p99_us: float | None
    decided: int | None
    dropped: int | None
    """Frames since the boot, all reasons."""
    pending: int | None
    """Rows of the buffer that wait for delivery."""
    evicted: int | None
    """Records that had to make room before anybody had them."""
    temperature_c: float | None
    predictions: int
    """Records stored here."""
    set_aside: int
    """Messages on its topics that could not be read."""
    drifted: bool | None
    since_ns: int | None
    feature: str | None
    """The strongest column of the last window."""
    test: str | None
    statistic: float | None
    p_value: float | None
    threshold: float | None
    """Threshold of the test: a p-value where the test has one (drift at or below), else a distance."""
    window_ns: int | None
    """End of the last window."""


@dataclass(frozen=True, slots=True)
class Count:
    """Number of devices of a name, and how many of them drift or are offline."""

    name: str
    devices: int
    drifted: int
    offline: int


@dataclass(frozen=True, slots=True)
class StoreSummary:
    devices: int
    online: int
    offline: int
    drifted: int
    set_aside: int
    """Messages."""
    sites: tuple[Count, ...]
    lines: tuple[tuple[str, Count], ...]
    """Site, and the line in it."""
    features: tuple[Count, ...]
    """The strongest features of the devices that drift, the commonest first."""


@dataclass(frozen=True, slots=True)
class ModelCount:
    model: str
    version: int
    slot: str
    state: str
    devices: int
    drifted: int


@dataclass(frozen=True, slots=True)
class WatchRow:
    """The last window of one camera and model."""

    camera: str
    model: str
    version: int
    start_ns: int
    end_ns: int
    drifted: bool
    since_ns: int | None
    columns: tuple[DriftColumn, ...]
    """Those that drifted, the strongest first; the strongest one when none did."""


@dataclass(frozen=True, slots=True)
class DeviceDetail:
    row: FleetRow
    boot_id: str
    health: Health | None
    slots: dict[str, Any] | None
    """The last message of kind ``slots``, as JSON."""
    watches: tuple[WatchRow, ...]


@dataclass(frozen=True, slots=True)
class DriftWindow:
    device: str
    boot_id: str
    seq: int
    camera: str
    model: str
    version: int
    start_ns: int
    end_ns: int
    count: int
    drifted: bool
    share: float
    kind: str
    columns: tuple[DriftColumn, ...]
    expectations: dict[str, int]


@dataclass(frozen=True, slots=True)
class HealthPoint:
    """One health message, or several as one: rates and latencies are then the mean, counts the last one's."""

    at_ns: int
    fps: float | None
    p50_us: float | None
    p99_us: float | None
    captured: int | None
    decided: int | None
    dropped: int | None
    pending: int | None
    buffer_bytes: int | None
    temperature_c: float | None
    rss_bytes: int | None
    cpu_share: float | None


@dataclass(frozen=True, slots=True)
class EventRow:
    device: str
    boot_id: str
    camera: str
    fault: str
    active: bool
    since_ns: int
    received_ns: int
    lasted_s: float
    detail: str


@dataclass(frozen=True, slots=True)
class SetAside:
    """A message that could not be read; the first bytes of it."""

    device: str
    topic: str
    reason: str
    payload: bytes
    received_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticsSpan:
    """Statistics of which model, and of which time: ``since_ns`` is included, ``until_ns`` is not."""

    model: str | None = None
    version: int | None = None
    camera: str | None = None
    since_ns: int = 0
    until_ns: int = (1 << 63) - 1
    every: int = 1
    """Step through windows: only one in so many is taken, evenly over devices and time; of hours and days those of
    one device in many."""


@dataclass(frozen=True, slots=True)
class Merged:
    """The statistics that one device would have had, of one model and reference. ``pane`` and ``verdict`` are None
    when nobody gave the monitor the reference (``edge monitor --model``): ``problem`` says so."""

    model: str
    version: int
    digest: str
    """Digest of the model."""
    reference: str
    """Digest of the drift reference."""
    devices: int
    windows: int
    pane: Pane | None
    verdict: WindowVerdict | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Slice:
    """A cell of a heat map: one column in one stretch of time."""

    start_ns: int
    column: str
    statistic: float | None
    p_value: float | None
    threshold: float
    drifted: bool
    windows: int
    effect: float = 0.0
    """From 0 to 1, whatever the test: D, or the Jensen–Shannon distance of class shares."""


@dataclass(frozen=True, slots=True)
class Peer:
    """One device's column against the same column of all the others together."""

    device: str
    column: str
    distance: float
    """Kolmogorov–Smirnov's D, or the Jensen–Shannon distance of the classes' shares."""
    score: float
    """Robust standard deviations that its distance is above its peers' median."""
    p_value: float
    odd: bool
    """Different, by a rule that calls at most the stated share of such findings falsely."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """``id`` 0 is one that is not stored yet. ``key`` names the matter: at most one alert of a key is open."""

    id: int = 0
    key: str
    kind: str
    severity: str
    devices: tuple[str, ...]
    feature: str = ""
    opened_ns: int
    changed_ns: int
    closed_ns: int | None = None
    acknowledged: str = ""
    """By whom; empty: nobody yet."""
    silenced_until_ns: int | None = None
    text: str = ""


class Reader(Protocol):
    """Safe to call from several threads. Each call raises StateError when the store cannot be read."""

    def fleet(
        self, where: Filter = ..., sort: Sort = ..., *, descending: bool = ..., limit: int = ..., offset: int = ...
    ) -> tuple[list[FleetRow], int]:
        """A page of devices, and how many there are in all."""

    def summary(self, where: Filter = ...) -> StoreSummary: ...

    def models(self, where: Filter = ...) -> list[ModelCount]:
        """Which model and slot runs on how many devices."""

    def device(self, name: str) -> DeviceDetail | None: ...

    def windows(
        self, device: str, span: StatisticsSpan = ..., *, limit: int = ..., before: tuple[int, int] | None = ...
    ) -> list[DriftWindow]:
        """The newest ``limit`` of them, oldest first; ``before`` is where a page began, for the one before it."""

    def health(
        self, device: str, since_ns: int = ..., until_ns: int = ..., *, points: int = ...
    ) -> list[HealthPoint]:
        """At most so many, each the mean of an equal stretch of time."""

    def events(self, device: str | None = ..., *, limit: int = ...) -> list[EventRow]:
        """The newest first."""

    def set_aside(self, device: str | None = ..., *, limit: int = ...) -> list[SetAside]:
        """The newest first."""

    def references(self) -> list[tuple[str, str, int]]:
        """Digest, model and version of each drift reference that the monitor was given."""

    def reference(self, digest: str) -> Reference | None: ...

    def merged(self, where: Filter = ..., span: StatisticsSpan = ...) -> list[Merged]:
        """Merged statistics of all these devices over that time, one for each model and reference."""

    def kept(self, devices: Sequence[str], span: StatisticsSpan = ...) -> int:
        """Number of statistics of windows, hours and days that :meth:`merged` would add up of these devices."""

    def slices(self, where: Filter = ..., span: StatisticsSpan = ..., *, step_ns: int = ...) -> list[Slice]:
        """Merged and judged for each stretch of time by itself: columns × time."""

    def siblings(self, devices: Sequence[str], span: StatisticsSpan = ..., *, false_share: float = ...) -> list[Peer]:
        """Each device against the others, the oddest first."""

    def alerts(self, *, open_only: bool = ..., device: str | None = ..., limit: int = ...) -> list[Alert]:
        """The newest first."""
