"""One device: how it is, what it sees, and since when that is another thing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edge.core.html import Markup
from edge.drift.pane import Pane
from edge.monitor.queries.reading import DeviceDetail, DriftWindow, Filter, Reader, StatisticsSpan
from edge.monitor.web.charts.figure import Caption
from edge.monitor.web.pages import advice, drifting, vitals
from edge.monitor.web.query import STRETCHES, PageQuery
from edge.monitor.web.texts import link

WINDOWS = 60
SERIES = 6
EVENTS, ALERTS, UNREADABLE = 50, 20, 10


def context(reader: Reader, asked: PageQuery) -> dict[str, Any] | None:
    """For ``device.html``; None when there is no such device."""
    name = asked.text("name")
    detail = reader.device(name)
    if detail is None:
        return None
    points = reader.health(name, asked.stretch.since_ns, points=120)
    return {
        "asked": asked,
        "stretches": STRETCHES,
        "row": detail.row,
        "detail": detail,
        "health": detail.health,
        "advice": advice.of_device(reader, detail.row),
        "cards": vitals.cards(detail),
        "charts": vitals.charts(points),
        "latencies": vitals.latencies(detail.health) if detail.health else None,
        "drops": vitals.drops(detail.health) if detail.health else None,
        "gate": vitals.gate(detail.health) if detail.health else None,
        "slots": slots(detail),
        "events": reader.events(name, limit=EVENTS),
        "alerts": reader.alerts(device=name, limit=ALERTS),
        "unreadable": reader.set_aside(name, limit=UNREADABLE) if detail.row.set_aside else [],
        **_drift(reader, asked, detail),
    }


def _drift(reader: Reader, asked: PageQuery, detail: DeviceDetail) -> dict[str, Any]:
    """Drawings of the newest windows, of the camera and the model that are asked for."""
    span = StatisticsSpan(
        model=asked.text("model") or None, version=asked.whole("version"), camera=asked.text("camera") or None
    )
    windows = reader.windows(detail.row.device, span, limit=WINDOWS)
    names = drifting.strongest(windows)
    shown = names if asked.yes_or_no("all") else names[:SERIES]
    panes, problem = _panes(reader, detail.row.device, windows)
    return {
        "windows": windows,
        "cameras": sorted({watch.camera for watch in detail.watches}),
        "heat": drifting.windows_map(_heat_caption(windows), windows, names, "#feature-" if shown == names else ""),
        "series": [
            (place, drifting.series(f"series {name}", name, windows))
            for place, name in enumerate(names)
            if name in shown
        ],
        "more": link("/device", **asked.given("all", all="yes")) if len(shown) < len(names) else "",
        "hidden": len(names) - len(shown),
        "distributions": [
            figure for pane in panes for figure in (drifting.class_shares(pane), *_columns(pane, shown))
        ],
        "compared": sum(pane.n for pane in panes),
        "problem": problem,
        "strength": drifting.STRENGTH,
    }


def _columns(pane: Pane, names: Sequence[str]) -> list[Markup]:
    scores = [column.name for column in pane.reference.columns[len(pane.reference.features) :]]
    return drifting.distributions(pane, [*names, *(score for score in scores if score not in names)])


def _panes(reader: Reader, device: str, windows: Sequence[DriftWindow]) -> tuple[list[Pane], str]:
    """The statistics of the last tenth of the windows that are drawn, added up; or why there are none."""
    if not windows:
        return [], "No drift window has arrived yet."
    last = windows[-1]
    first = windows[-max(1, len(windows) // 10)]
    span = StatisticsSpan(model=last.model, version=last.version, camera=last.camera, since_ns=first.start_ns)
    merged = reader.merged(Filter(devices=(device,)), span)
    panes = [one.pane for one in merged if one.pane is not None]
    problems = [one.problem for one in merged if one.problem]
    return panes[:1], "" if panes else (problems[0] if problems else "No statistics of these windows have arrived.")


def _heat_caption(windows: Sequence[DriftWindow]) -> Caption:
    drifted = sum(window.drifted for window in windows)
    return Caption(
        "heat",
        "Every feature, window by window",
        f"{drifted} of the last {len(windows)} windows drifted. Darker is a larger difference from the reference; "
        "a dot marks drift.",
        "strength",
    )


def slots(detail: DeviceDetail) -> dict[str, Any] | None:
    """The device's last word on its model slots, as far as it has the shape that is expected."""
    said = detail.slots
    if said is None:
        return None
    listed = said.get("slots")
    outcome = said.get("outcome")
    return {
        "active": str(said.get("active", "")),
        "trial": str(said.get("trial", "")),
        "slots": [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else [],
        "outcome": outcome if isinstance(outcome, dict) else None,
    }
