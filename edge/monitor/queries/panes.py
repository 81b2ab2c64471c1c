"""The statistics of windows as they lie in the store, and the drift references to read them by."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from edge.drift.encoding.wire import decode_sum
from edge.drift.pane import Pane
from edge.drift.reference import Reference
from edge.errors import ArtifactError
from edge.monitor.database import Engine, marks
from edge.monitor.queries.history import boots_of
from edge.monitor.queries.reading import StatisticsSpan

CHUNK = 200
"""Devices in one statement."""
MAX_SAMPLES = 1 << 32
"""In one pane: with more, sums over a fleet would no longer fit 64 bits. No device sees so many parts in a month."""

_SPREAD, _OF_BOOTS, _OF_WINDOWS = 65_536, 40_503, 27_147
"""Multiples of 0.618 and of 0.414 spread evenly over one turn, whatever step they are taken in: so windows that are
left out are of no particular line or time."""


@dataclass(frozen=True, slots=True)
class MergeKey:
    """Panes that may be merged have all of this in common."""

    model: str
    version: int
    digest: str
    reference: str


@dataclass(frozen=True, slots=True)
class StoredPane:
    """One pane in the store, not unpacked yet."""

    device: str
    camera: str
    merge_key: MergeKey
    start_ns: int
    windows: int
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Total:
    """The sum of what could be read, and why the others could not, by their places."""

    pane: Pane | None
    refused: dict[int, str] = field(default_factory=dict)


class Panes:
    """Reads them; safe to call from several threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: dict[str, Reference] = {}
        self._lock = threading.Lock()

    def references(self) -> list[tuple[str, str, int]]:
        """Digest, model, version."""
        rows = self._engine.query("SELECT digest, model, version FROM reference ORDER BY model, version, digest")
        return [(row[0], row[1], row[2]) for row in rows]

    def reference(self, digest: str) -> Reference | None:
        """None when nobody gave it."""
        with self._lock:
            if digest not in self._known:
                rows = self._engine.query("SELECT data FROM reference WHERE digest = ?", (digest,))
                if not rows:
                    return None
                self._known[digest] = Reference.from_bytes(bytes(rows[0][0]))
            return self._known[digest]

    def of(self, devices: Sequence[str], span: StatisticsSpan) -> Iterator[StoredPane]:
        """Single windows by their start, and the hours that older ones were added up to, by the hour's.

        A window whose verdict has not come is not found until it is in its hour: its time is not known.
        """
        for start in range(0, len(devices), CHUNK):
            yield from self._windows(devices[start : start + CHUNK], span)
        for start in range(0, len(thinned := devices[:: span.every]), CHUNK):
            yield from self._hours(thinned[start : start + CHUNK], span)

    def count(self, devices: Sequence[str], span: StatisticsSpan) -> int:
        """Number of panes that :meth:`of` finds."""
        total = 0
        for start in range(0, len(devices), CHUNK):
            chunk = devices[start : start + CHUNK]
            for tables, values in (_single(boots_of(self._engine, chunk), span), _added_up(chunk, span)):
                total += int(self._engine.query(f"SELECT count(*) {tables}", values)[0][0])
        return total

    def total(self, found: Sequence[StoredPane]) -> Total:
        """Total of panes with one merge key."""
        if not found:
            return Total(None)
        digest = found[0].merge_key.reference
        reference = self.reference(digest)
        if reference is None:
            return Total(None, dict.fromkeys(range(len(found)), f"no drift reference {digest}"))
        try:
            return Total(_decoded(found, reference))
        except ArtifactError as error:
            return Total(None, {0: str(error)}) if len(found) == 1 else _one_by_one(found, reference)

    def _windows(self, devices: Sequence[str], span: StatisticsSpan) -> Iterator[StoredPane]:
        boots = boots_of(self._engine, devices)
        tables, values = _single(boots, span)
        rows = self._engine.query(f"SELECT drift.boot, drift.start_ns, stats.message {tables}", values)
        for boot, start_ns, text in rows:
            if (found := found_of(boots[boot][0], text, start_ns)) is not None:
                yield found

    def _hours(self, devices: Sequence[str], span: StatisticsSpan) -> Iterator[StoredPane]:
        tables, values = _added_up(devices, span)
        rows = self._engine.query(
            f"SELECT device, camera, model, version, digest, reference, start_ns, windows, message {tables}", values
        )
        for device, camera, *merge_key, start_ns, windows, text in rows:
            yield StoredPane(device, camera, MergeKey(*merge_key), start_ns, windows, json.loads(text))


def found_of(device: str, text: str, start_ns: int) -> StoredPane | None:
    """From a message of kind ``stats``; None when it names no reference."""
    fields = json.loads(text)
    pane = fields.get("pane")
    reference, digest = (pane.get(name) for name in ("reference", "model"))
    if not isinstance(reference, str) or not isinstance(digest, str):
        return None
    merge_key = MergeKey(fields.get("model", ""), fields.get("model_version", 0), digest, reference)
    return StoredPane(device, str(fields.get("camera", "")), merge_key, start_ns, 1, pane)


def merge(one: Pane | None, other: Pane | None) -> Pane | None:
    """Where either may be nothing. Raises ArtifactError when they are not of one model and reference."""
    return one.merge(other) if one is not None and other is not None else one or other


def _decoded(found: Sequence[StoredPane], reference: Reference) -> Pane:
    most = max((one.data["n"] for one in found if type(one.data.get("n")) is int), default=0)
    if most > MAX_SAMPLES:
        raise ArtifactError(f"drift statistics of {most} samples, at most {MAX_SAMPLES} are merged")
    return decode_sum([one.data for one in found], reference)


def _one_by_one(found: Sequence[StoredPane], reference: Reference) -> Total:
    """One that cannot be read must not spoil the sum of the others."""
    pane: Pane | None = None
    refused: dict[int, str] = {}
    for place, one in enumerate(found):
        try:
            pane = merge(pane, _decoded([one], reference))
        except ArtifactError as error:
            refused[place] = str(error)
    return Total(pane, refused)


def _single(boots: Iterable[int], span: StatisticsSpan) -> tuple[str, tuple[object, ...]]:
    """Where windows are that nobody has added up, and the values that it asks for."""
    condition, values = _within(span, "drift.")
    if span.every > 1:
        condition += f" AND (drift.boot * {_OF_BOOTS} + drift.seq * {_OF_WINDOWS}) % {_SPREAD} < ?"
        values.append(max(1, _SPREAD // span.every))
    boots = tuple(boots)
    return (
        "FROM drift JOIN stats ON stats.boot = drift.boot AND stats.seq = drift.seq "
        f"WHERE drift.boot IN ({marks(len(boots)) or 'NULL'}) AND stats.rolled IN (0, 2) AND {condition}"
    ), (*boots, *values)


def _added_up(devices: Sequence[str], span: StatisticsSpan) -> tuple[str, tuple[object, ...]]:
    condition, values = _within(span, "")
    return f"FROM pane WHERE device IN ({marks(len(devices)) or 'NULL'}) AND {condition}", (*devices, *values)


def _within(span: StatisticsSpan, table: str) -> tuple[str, list[object]]:
    parts, values = [f"{table}start_ns >= ? AND {table}start_ns < ?"], [span.since_ns, span.until_ns]
    wanted = {"model": span.model, "version": span.version, "camera": span.camera}
    for name, value in wanted.items():
        if value is not None:
            parts.append(f"{table}{name} = ?")
            values.append(value)  # type: ignore[arg-type]
    return " AND ".join(parts), list(values)
