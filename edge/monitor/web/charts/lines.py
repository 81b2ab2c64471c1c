"""Values over time."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from edge.core.html import Content, Markup, tag
from edge.monitor.web.charts.figure import WIDTH, Caption, dot, figure, no_data, svg
from edge.monitor.web.texts import number, when

HEIGHT = 160
Point = tuple[int, float | None]
"""Wall clock in ns, value; None is a gap."""


@dataclass(frozen=True, slots=True)
class ChartLine:
    """``marked`` are the times of points to be told apart, such as windows that drifted."""

    name: str
    points: Sequence[Point]
    cls: str = "a"
    marked: frozenset[int] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class Threshold:
    """A threshold, drawn across."""

    name: str
    value: float


def lines(
    caption: Caption,
    drawn: Sequence[ChartLine],
    limit: Threshold | None = None,
    mark: str = "drifted",
    show: Callable[[float | None], str] = number,
) -> Markup:
    """Starts at 0. ``mark`` says what ``marked`` points are."""
    times = sorted({time for line in drawn for time, value in line.points if value is not None})
    if not times:
        return no_data(caption, "Nothing yet.")
    values = [v for line in drawn for _, v in line.points if v is not None and math.isfinite(v)]
    top = ceiling(max([*values, limit.value if limit else 0.0], default=1.0))
    frame = _Frame(times[0], max(times[-1], times[0] + 1), top)
    shapes: list[Content] = [_rule(HEIGHT / 2), *([_limit(frame, limit)] if limit else [])]
    for line in drawn:
        shapes += frame.draw(line)
    return figure(
        caption,
        _plot(caption, frame, shapes, show),
        ["time", *(line.name for line in drawn), *([mark] if any(line.marked for line in drawn) else [])],
        _rows(drawn, show),
        _legend(drawn, limit, mark, show),
    )


def ceiling(value: float) -> float:
    """The next of 1, 2, 5, 10, … from ``value`` on."""
    if not 1e-305 < value < 1e300:  # beyond, powers of ten are 0 or infinite
        return 1.0
    power: float = 10 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value * (1 - 1e-9))


@dataclass(frozen=True, slots=True)
class _Frame:
    first_ns: int
    last_ns: int
    top: float

    def x(self, time_ns: int) -> float:
        return WIDTH * (time_ns - self.first_ns) / (self.last_ns - self.first_ns)

    def y(self, value: float) -> float:
        return HEIGHT * (1 - min(max(value / self.top, 0.0), 1.0))

    def draw(self, line: ChartLine) -> list[Markup]:
        runs = itertools.groupby(line.points, key=lambda point: point[1] is not None)
        shapes = [tag("path", d=self._path(list(run)), cls=f"line {line.cls}") for there, run in runs if there]
        marks = [(time, value) for time, value in line.points if value is not None and time in line.marked]
        return shapes + [dot(self.x(time), self.y(value), "marked") for time, value in marks]

    def _path(self, points: list[Point]) -> str:
        spots = [f"{self.x(time):.1f} {self.y(value):.1f}" for time, value in points if value is not None]
        return f"M{spots[0]}h0.01" if len(spots) == 1 else "M" + "L".join(spots)


def _plot(caption: Caption, frame: _Frame, shapes: list[Content], show: Callable[[float | None], str]) -> Markup:
    scale = [tag("span", show(frame.top * part)) for part in (1, 0.5, 0)]
    middle = (frame.first_ns + frame.last_ns) // 2
    ends = [when(time, "short") for time in (frame.first_ns, middle, frame.last_ns)]
    return tag(
        "div",
        tag("div", scale, cls="y", aria_hidden="true"),
        svg(caption, HEIGHT, *shapes, cls="area"),
        tag("div", ends, cls="x", aria_hidden="true"),
        cls="plot",
    )


def _rule(y: float) -> Markup:
    return tag("path", d=f"M0 {y:.1f}H{WIDTH}", cls="rule")


def _limit(frame: _Frame, limit: Threshold) -> Markup:
    return tag("path", d=f"M0 {frame.y(limit.value):.1f}H{WIDTH}", cls="limit")


def _legend(
    drawn: Sequence[ChartLine], limit: Threshold | None, mark: str, show: Callable[[float | None], str]
) -> list[tuple[str, str]]:
    names = [(line.cls, line.name) for line in drawn] if len(drawn) > 1 else []
    limits = [("limit", f"{limit.name} {show(limit.value)}")] if limit else []
    return names + limits + ([("marked", mark)] if any(line.marked for line in drawn) else [])


def _rows(drawn: Sequence[ChartLine], show: Callable[[float | None], str]) -> list[list[Content]]:
    """The latest first."""
    columns = [dict(line.points) for line in drawn]
    marked = frozenset[int]().union(*(line.marked for line in drawn))
    times = sorted({time for column in columns for time in column}, reverse=True)
    return [
        [
            when(time),
            *(show(column.get(time)) for column in columns),
            *(["yes" if time in marked else ""] if marked else []),
        ]
        for time in times
    ]
