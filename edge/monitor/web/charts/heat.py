"""Features by time: how strongly each differed from its reference."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass

from edge.core.html import Content, Markup, tag
from edge.monitor.web.charts.figure import WIDTH, Caption, dot, figure, no_data, svg
from edge.monitor.web.texts import number, when

STEPS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8)
"""Where the next darker of nine shades begins."""
ROW_PX = 28


@dataclass(frozen=True, slots=True)
class HeatRow:
    """One cell for each span of time: the effect (0 to 1) or None, and whether it drifted."""

    name: str
    cells: Sequence[tuple[float | None, bool]]
    href: str = ""


def heat_map(caption: Caption, times_ns: Sequence[int], rows: Sequence[HeatRow]) -> Markup:
    """``times_ns`` are where each span begins, and the end of the last: one more than there are cells in a row."""
    if not rows or len(times_ns) < 2:
        return no_data(caption, "No windows in this time.")
    wide = WIDTH / (len(times_ns) - 1)
    shapes = [
        _cell(row, place, column, wide) for place, row in enumerate(rows) for column in range(len(times_ns) - 1)
    ]
    middle = times_ns[len(times_ns) // 2]
    plot = tag(
        "div",
        tag("div", [_name(row) for row in rows], cls="names"),
        svg(caption, ROW_PX * len(rows), shapes, cls="heat", pixels=ROW_PX * len(rows)),
        tag(
            "div", [when(time, "short") for time in (times_ns[0], middle, times_ns[-1])], cls="x", aria_hidden="true"
        ),
        cls="heatplot",
    )
    legend = [
        (f"h{step}", text) for step, text in ((0, "0"), (2, "0.1"), (4, "0.2"), (6, "0.4"), (8, "0.8 and more"))
    ]
    return figure(
        caption,
        plot,
        ["from", *(row.name for row in rows)],
        _numbers(times_ns, rows),
        [*legend, ("marked", "drifted")],
    )


def _cell(row: HeatRow, place: int, column: int, wide: float) -> Content:
    value, drifted = row.cells[column]
    if value is None:
        return Markup("")
    x, y = column * wide, place * ROW_PX
    shade = f"h{bisect.bisect_right(STEPS, value)}"
    box = tag("rect", x=f"{x:.1f}", y=y, width=f"{wide + 0.3:.1f}", height=ROW_PX - 1, cls=shade)
    if not drifted:
        return box
    # With a light ring round it: a dark dot cannot be told from a dark cell.
    return [box, *(dot(x + wide / 2, y + ROW_PX / 2, cls) for cls in ("halo", "marked"))]


def _name(row: HeatRow) -> Markup:
    name = tag("bdi", row.name)
    text = tag("a", name, href=row.href) if row.href else name
    return tag("div", text, title=row.name)


def _numbers(times_ns: Sequence[int], rows: Sequence[HeatRow]) -> list[list[Content]]:
    """The latest first."""
    return [
        [when(times_ns[column]), *(_text(row.cells[column]) for row in rows)]
        for column in reversed(range(len(times_ns) - 1))
    ]


def _text(cell: tuple[float | None, bool]) -> str:
    value, drifted = cell
    return number(value, 2) + (" drifted" if drifted else "")
