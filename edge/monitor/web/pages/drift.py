"""Drift of a device, a line, a site or the fleet: what, how much, since when, and who differs from the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from edge.monitor.queries.peers import FEWEST
from edge.monitor.queries.reading import Filter, Merged, Peer, Reader, Slice, StatisticsSpan
from edge.monitor.web.charts.figure import Caption
from edge.monitor.web.pages import advice, drifting
from edge.monitor.web.pages.scope import PANES, PANES_EXACT, Scope, choose
from edge.monitor.web.query import STRETCHES, PageQuery
from edge.monitor.web.texts import link

CELLS = 30
LISTED, ODD = 20, 20
SIBLINGS = 100
"""More are not compared with each other on a page."""
NEWEST_PANES = 200
"""Largest number of panes in the distributions of the newest stretch."""
SIBLING_PANES = 120
"""Upper limit of windows merged per device when peers are compared."""


@dataclass(frozen=True, slots=True)
class Trend:
    """One column: as it is in the newest stretch, and since when it has drifted without a pause."""

    name: str
    newest: Slice
    since_ns: int | None


def context(reader: Reader, asked: PageQuery) -> dict[str, Any]:
    """For ``drift.html``."""
    where, stretch = asked.filter, asked.stretch
    scope = choose(reader, where, asked.span, most=PANES_EXACT if asked.yes_or_no("exact") else PANES)
    step_ns = stretch.seconds * 10**9 // CELLS
    slices = list(reader.slices(scope.where, scope.span, step_ns=step_ns))
    settled = whole_stretches(slices)
    trends = find_trends(settled)
    merged = _newest(reader, scope, asked, settled, step_ns)
    panes = [one.pane for one in merged if one.pane is not None][:1]
    names = [trend.name for trend in trends]
    summary = reader.summary(where)
    return {
        "asked": asked,
        "stretches": STRETCHES,
        "summary": summary,
        "choices": _choices(reader),
        "title": title(where),
        "scope": scope,
        "most": PANES_EXACT,
        "exact": link("/drift", **asked.given("exact", exact="yes")),
        "advice": advice.of_many(reader, where),
        "heat": drifting.slices_map(_caption(scope), slices, step_ns),
        "trends": trends,
        "problems": list(dict.fromkeys(one.problem for one in merged if one.problem)),
        "compared": sum(pane.n for pane in panes),
        "distributions": [
            f for pane in panes for f in (drifting.class_shares(pane), *drifting.distributions(pane, names))
        ],
        "drifting": reader.fleet(replace(where, drifted=True), "drift", limit=LISTED)[0],
        "strength": drifting.STRENGTH,
        **_siblings(reader, scope, asked),
    }


def title(where: Filter) -> str:
    """Title of the page: the narrowest place that was asked for."""
    if where.devices:
        return f"device {where.devices[0]}"
    parts = [
        f"{kind} {name}"
        for kind, name in (("site", where.site), ("line", where.line), ("model", where.model))
        if name
    ]
    return ", ".join(parts) or "the fleet"


def whole_stretches(slices: Sequence[Slice]) -> list[Slice]:
    """Without the newest stretch as long as less than half of what usually comes in one has arrived."""
    windows = {one.start_ns: one.windows for one in slices}
    if len(windows) < 2 or windows[max(windows)] >= median(windows.values()) / 2:
        return list(slices)
    return [one for one in slices if one.start_ns != max(windows)]


def find_trends(slices: Sequence[Slice]) -> list[Trend]:
    """The columns of the newest stretch: those that drift first, then by strength."""
    by_column: dict[str, list[Slice]] = {}
    for one in sorted(slices, key=lambda one: one.start_ns):
        by_column.setdefault(one.column, []).append(one)
    trends = [Trend(name, run[-1], _since(run)) for name, run in by_column.items()]
    return sorted(trends, key=lambda t: (not t.newest.drifted, -(t.newest.effect or 0.0), t.name))


def _since(run: Sequence[Slice]) -> int | None:
    since = None
    for one in reversed(run):
        if not one.drifted:
            break
        since = one.start_ns
    return since


def _newest(reader: Reader, scope: Scope, asked: PageQuery, slices: Sequence[Slice], step_ns: int) -> list[Merged]:
    """The last stretch that has any statistics; where none has, whatever there is says why."""
    since_ns = max((one.start_ns for one in slices), default=asked.stretch.since_ns)
    until_ns = since_ns + step_ns if slices else StatisticsSpan().until_ns
    span = replace(asked.span, since_ns=since_ns, until_ns=until_ns)
    return reader.merged(scope.where, choose(reader, scope.where, span, most=NEWEST_PANES).span)


def _siblings(reader: Reader, scope: Scope, asked: PageQuery) -> dict[str, Any]:
    """Devices that differ from the others of the same scope, by their last windows."""
    rows, total = reader.fleet(asked.filter, "place", limit=SIBLINGS + 1)
    limits = {"fewest": FEWEST, "most": SIBLINGS}
    if not FEWEST <= total <= SIBLINGS:
        return {"siblings": None, "odd": [], "limits": limits}
    newest = max((row.window_ns or 0 for row in rows), default=0)
    # As many of the last windows of each as there is time for.
    reach_ns = max(1, SIBLING_PANES // total) * _window_ns(reader, rows[0].device)
    span = replace(asked.span, since_ns=max(0, newest - reach_ns))
    found: list[Peer] = list(reader.siblings([row.device for row in rows], span))
    return {"siblings": total, "odd": [one for one in found if one.odd][:ODD], "limits": limits}


def _window_ns(reader: Reader, device: str) -> int:
    """Duration of a window."""
    detail = reader.device(device)
    return max((one.end_ns - one.start_ns for one in detail.watches), default=0) if detail else 0


def _caption(scope: Scope) -> Caption:
    return Caption(
        "heat",
        "Features by time",
        f"Statistics of {scope.devices} devices added up, for each stretch of time by itself. "
        "Darker is a larger difference; a dot marks drift.",
        "strength",
    )


def _choices(reader: Reader) -> dict[str, list[str]]:
    summary = reader.summary()
    return {
        "site": sorted({count.name for count in summary.sites}),
        "line": sorted({count.name for _, count in summary.lines}),
        "model": sorted({count.model for count in reader.models()}),
    }
