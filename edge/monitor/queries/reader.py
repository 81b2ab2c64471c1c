"""The reading interface over a database: :class:`edge.monitor.queries.reading.Reader` by SQL."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edge.drift.reference import Reference
from edge.monitor.database import Engine, open_engine
from edge.monitor.queries import fleet, history, merging
from edge.monitor.queries.panes import Panes
from edge.monitor.queries.peers import siblings as find_siblings
from edge.monitor.queries.reading import (
    Alert,
    DeviceDetail,
    DriftWindow,
    EventRow,
    Filter,
    FleetRow,
    HealthPoint,
    Merged,
    ModelCount,
    Peer,
    SetAside,
    Slice,
    Sort,
    StatisticsSpan,
    StoreSummary,
)
from edge.monitor.store import alerts

_ALL = Filter()
_EVER = StatisticsSpan()
_END = _EVER.until_ns
HOUR_NS = 3600 * 10**9


class SqlReader:
    """Reader over an engine that is open: a store's own, or one that only reads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._panes = Panes(engine)

    def close(self) -> None:
        self._engine.close()

    def fleet(
        self,
        where: Filter = _ALL,
        sort: Sort = "place",
        *,
        descending: bool = False,
        limit: int = 100,
        offset: int = 0,
    ) -> tuple[list[FleetRow], int]:
        return fleet.page(self._engine, where, sort, descending, limit, offset)

    def summary(self, where: Filter = _ALL) -> StoreSummary:
        return fleet.summary(self._engine, where)

    def models(self, where: Filter = _ALL) -> list[ModelCount]:
        return fleet.models(self._engine, where)

    def device(self, name: str) -> DeviceDetail | None:
        return history.detail(self._engine, name)

    def windows(
        self, device: str, span: StatisticsSpan = _EVER, *, limit: int = 500, before: tuple[int, int] | None = None
    ) -> list[DriftWindow]:
        return history.windows(self._engine, device, span, limit, before)

    def health(self, device: str, since_ns: int = 0, until_ns: int = _END, *, points: int = 500) -> list[HealthPoint]:
        return history.health(self._engine, device, since_ns, until_ns, points)

    def events(self, device: str | None = None, *, limit: int = 100) -> list[EventRow]:
        return history.events(self._engine, device, limit)

    def set_aside(self, device: str | None = None, *, limit: int = 100) -> list[SetAside]:
        return history.set_aside(self._engine, device, limit)

    def references(self) -> list[tuple[str, str, int]]:
        return self._panes.references()

    def reference(self, digest: str) -> Reference | None:
        return self._panes.reference(digest)

    def merged(self, where: Filter = _ALL, span: StatisticsSpan = _EVER) -> list[Merged]:
        return merging.merged(self._panes, fleet.names(self._engine, where), span)

    def kept(self, devices: Sequence[str], span: StatisticsSpan = _EVER) -> int:
        return self._panes.count(devices, span)

    def slices(self, where: Filter = _ALL, span: StatisticsSpan = _EVER, *, step_ns: int = HOUR_NS) -> list[Slice]:
        return merging.slices(self._panes, fleet.names(self._engine, where), span, step_ns)

    def siblings(
        self, devices: Sequence[str], span: StatisticsSpan = _EVER, *, false_share: float = 0.05
    ) -> list[Peer]:
        return find_siblings(self._panes, devices, span, false_share)

    def alerts(self, *, open_only: bool = False, device: str | None = None, limit: int = 100) -> list[Alert]:
        return alerts.list_alerts(self._engine, open_only, device, limit)


def open_reader(address: Path | str) -> SqlReader:
    """A store that another process or thread may be filling; ``address`` as for a store. Raises StateError."""
    return SqlReader(open_engine(address, readonly=True))
