"""All devices: how many are well, which are not, and where to look first."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edge.core.html import Markup
from edge.monitor.queries.reading import Filter, FleetRow, ModelCount, Reader, Sort, StoreSummary
from edge.monitor.web.cache import ResultCache
from edge.monitor.web.charts import Bar, bars
from edge.monitor.web.charts.figure import Caption
from edge.monitor.web.query import FALLING, PageQuery
from edge.monitor.web.texts import lasting, link

QUIET_S = 300
"""A device that says nothing for so long is counted as quiet: five of its health messages."""
WHOLE_LASTS_S = 2.0
MAX_CHOICES = 500
SHOWN = 8
COLUMNS: tuple[tuple[Sort, str, bool], ...] = (
    ("device", "device", False),
    ("place", "site / line", False),
    ("state", "state", False),
    ("drift", "drift: strongest feature", False),
    ("since", "since", False),
    ("model", "model", False),
    ("fps", "parts/s", True),
    ("p99", "p99, ms", True),
    ("dropped", "dropped", True),
    ("pending", "waiting", True),
    ("temperature", "°C", True),
    ("seen", "last heard", True),
)
"""Sort, heading, whether it is a number."""


@dataclass(frozen=True, slots=True)
class FilterCard:
    """A number that is a filter."""

    what: str
    much: int
    href: str
    current: bool
    cls: str = ""


@dataclass(frozen=True, slots=True)
class FleetTotals:
    """Figures of all devices, whatever was asked for."""

    summary: StoreSummary
    models: Sequence[ModelCount]
    quiet: int


class FleetPage:
    """Counts the whole fleet once for all who ask within WHOLE_LASTS_S: with 10,000 devices most of the work."""

    def __init__(self) -> None:
        self._memo = ResultCache(WHOLE_LASTS_S)

    def context(self, reader: Reader, asked: PageQuery) -> dict[str, Any]:
        """For ``fleet.html``."""
        whole: FleetTotals = self._memo.get("", lambda: _whole(reader))
        return context(reader, asked, whole)


def _whole(reader: Reader) -> FleetTotals:
    quiet = reader.fleet(Filter(seen_before_ns=time.time_ns() - QUIET_S * 10**9), limit=1)[1]
    return FleetTotals(reader.summary(), reader.models(), quiet)


def context(reader: Reader, asked: PageQuery, whole: FleetTotals) -> dict[str, Any]:
    """For ``fleet.html``."""
    where = asked.filter
    rows, total = reader.fleet(where, asked.sort, descending=asked.descending, limit=asked.limit, offset=asked.offset)
    summary = whole.summary
    return {
        "asked": asked,
        "cards": _cards(asked, whole),
        "features": _features(summary),
        "summary": summary,
        "choices": _choices(summary, whole.models),
        "columns": [_heading(asked, *column) for column in COLUMNS],
        "rows": [(row, _age(row)) for row in rows],
        "total": total,
        "first": asked.offset + 1 if rows else 0,
        "last": asked.offset + len(rows),
        "previous": _page(asked, max(0, asked.offset - asked.limit)) if asked.offset else "",
        "following": _page(asked, asked.offset + asked.limit) if asked.offset + len(rows) < total else "",
        "filtered": where != Filter(),
        "worst": _worst(summary),
    }


def _cards(asked: PageQuery, whole: FleetTotals) -> list[FilterCard]:
    summary, quiet = whole.summary, whole.quiet
    state, drifted = asked.text("state"), asked.text("drifted")
    every = not (state or drifted or asked.text("quiet"))
    return [
        FilterCard("devices", summary.devices, "/", every),
        FilterCard(
            "drifting", summary.drifted, link("/", drifted="yes"), drifted == "yes", "poor" if summary.drifted else ""
        ),
        FilterCard("online", summary.online, link("/", state="online"), state == "online"),
        FilterCard(
            "offline",
            summary.offline,
            link("/", state="offline"),
            state == "offline",
            "fair" if summary.offline else "",
        ),
        FilterCard(
            f"not heard for {lasting(QUIET_S)}",
            quiet,
            link("/", quiet=QUIET_S),
            bool(asked.text("quiet")),
            "fair" if quiet else "",
        ),
        FilterCard(
            "messages that could not be read",
            summary.set_aside,
            "/messages",
            False,
            "fair" if summary.set_aside else "",
        ),
    ]


def _features(summary: StoreSummary) -> Markup | None:
    if not summary.features:
        return None
    drawn = [
        Bar(count.name, count.devices, href=link("/", drifted="yes", feature=count.name))
        for count in summary.features[:SHOWN]
    ]
    caption = Caption(
        "features",
        "Strongest features",
        "How many of the drifting devices each feature is the strongest of.",
        "devices",
    )
    return bars(caption, drawn)


def _worst(summary: StoreSummary) -> Markup | None:
    """Lines with drifting devices, the largest share first."""
    hit = [(site, count) for site, count in summary.lines if count.drifted]
    hit.sort(key=lambda pair: (-pair[1].drifted / pair[1].devices, -pair[1].drifted))
    drawn = [
        Bar(
            f"{site or '–'} / {count.name or '–'}",
            count.drifted / count.devices,
            f"{count.drifted} of {count.devices}",
            link("/drift", site=site, line=count.name),
        )
        for site, count in hit[:SHOWN]
    ]
    caption = Caption("worst", "Lines that drift most", "The share of each line's devices that drift.", "devices")
    return bars(caption, drawn) if drawn else None


def _choices(summary: StoreSummary, models: Sequence[ModelCount]) -> dict[str, list[str]]:
    return {
        "site": sorted({count.name for count in summary.sites})[:MAX_CHOICES],
        "line": sorted({count.name for _, count in summary.lines})[:MAX_CHOICES],
        "model": sorted({count.model for count in models})[:MAX_CHOICES],
        "feature": [count.name for count in summary.features][:MAX_CHOICES],
    }


def _heading(asked: PageQuery, sort: Sort, name: str, numeric: bool) -> dict[str, Any]:
    """The link sorts by it, or turns the order round."""
    current = asked.sort == sort
    down = not asked.descending if current else sort in FALLING - {"drift"}
    order = "down" if down else "up"
    # By drift, the strongest come first unless it is turned round.
    told = ("descending" if asked.descending != (sort == "drift") else "ascending") if current else ""
    return {
        "name": name,
        "numeric": numeric,
        "href": link("/", **asked.given("from", "order", "sort", sort=sort, order=order)),
        "sorted": told,
    }


def _page(asked: PageQuery, offset: int) -> str:
    return link("/", **asked.given("from", **({"from": offset} if offset else {})))


def _age(row: FleetRow) -> str:
    return lasting((time.time_ns() - row.seen_ns) / 1e9) if row.seen_ns else ""
