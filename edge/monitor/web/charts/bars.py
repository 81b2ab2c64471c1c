"""Amounts beside each other, and two distributions side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge.core.html import Content, Markup, tag
from edge.core.html.bars import pairs
from edge.monitor.web.charts.figure import WIDTH, Caption, figure, no_data, svg
from edge.monitor.web.texts import number, share

HEIGHT = 160


@dataclass(frozen=True, slots=True)
class Bar:
    name: str
    value: float
    text: str = ""
    """Text in the place of the value; empty: the number."""
    href: str = ""


def bars(caption: Caption, drawn: Sequence[Bar]) -> Markup:
    """One row for each, named, the value at its end."""
    if not drawn:
        return no_data(caption, "None.")
    most = max(max(bar.value for bar in drawn), 1e-12)
    rows = [
        tag(
            "li", _name(bar), _stripe(bar.value / most), tag("span", bar.text or number(bar.value)), data_key=bar.name
        )
        for bar in drawn
    ]
    return tag(
        "figure",
        tag("figcaption", tag("b", caption.title), tag("small", f" {caption.unit}" if caption.unit else "")),
        tag("ul", rows, cls="bars", aria_label=f"{caption.title}. {caption.description}"),
        cls="chart",
        data_key=caption.key,
    )


def distribution(
    caption: Caption,
    names: Sequence[str],
    before: Sequence[float],
    now: Sequence[float],
    ends: Sequence[str],
    sides: tuple[str, str] = ("reference", "now"),
) -> Markup:
    """Shares of two samples in the same bins; ``ends`` stand below the first and the last, or one below each."""
    if not before or not now:
        return no_data(caption, "Nothing to compare yet.")
    top = max(*before, *now, 1e-12)
    plot = tag(
        "div",
        tag("div", [tag("span", share(top * part)) for part in (1, 0.5, 0)], cls="y", aria_hidden="true"),
        svg(caption, HEIGHT, pairs(before, now, WIDTH, HEIGHT), cls="area"),
        tag(
            "div",
            [tag("span", end) for end in ends],
            cls="x each" if len(ends) == len(names) else "x",
            aria_hidden="true",
        ),
        cls="plot",
    )
    rows: list[list[Content]] = [
        [name, share(one), share(other)] for name, one, other in zip(names, before, now, strict=True)
    ]
    return figure(caption, plot, [caption.first, *sides], rows, [("before", sides[0]), ("now", sides[1])])


def _name(bar: Bar) -> Markup:
    name = tag("bdi", bar.name)
    return tag("a", name, href=bar.href, cls="name") if bar.href else tag("span", name, cls="name")


def _stripe(part: float) -> Markup:
    bar = tag("rect", width=f"{WIDTH * part:.1f}", height=10, cls="a")
    return tag("svg", bar, viewBox=f"0 0 {WIDTH} 10", preserveAspectRatio="none", aria_hidden="true", cls="stripe")
