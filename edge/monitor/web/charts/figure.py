"""The frame of every chart.

The drawing is stretched to the width there is; all text stands beside it in HTML, so that it is as large on a phone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edge.core.html import Content, Markup, table, tag

WIDTH = 1000
"""Width in every drawing's own coordinates."""


@dataclass(frozen=True, slots=True)
class Caption:
    """``key`` is unique on its page; ``description`` says in a sentence what is to be seen."""

    key: str
    title: str
    description: str
    unit: str = ""
    first: str = "values"
    """Heading of the first column of the numbers behind a distribution."""


def figure(
    caption: Caption,
    drawing: Content,
    head: Iterable[Content],
    rows: Iterable[Iterable[Content]],
    legend: Sequence[tuple[str, str]] = (),
) -> Markup:
    """``head`` and ``rows`` are the numbers behind the drawing; ``legend`` holds a CSS class and a name each."""
    marks = [tag("li", tag("i", cls=f"swatch {cls}", aria_hidden="true"), name) for cls, name in legend]
    unit = tag("small", f" {caption.unit}") if caption.unit else Markup("")
    return tag(
        "figure",
        tag("figcaption", tag("b", caption.title), unit),
        drawing,
        tag("ul", marks, cls="legend") if marks else Markup(""),
        tag("details", tag("summary", "Numbers"), table(head, rows), data_key=f"numbers {caption.key}"),
        cls="chart",
        data_key=caption.key,
    )


def svg(caption: Caption, height: float, *shapes: Content, cls: str, pixels: int | None = None) -> Markup:
    """The drawing itself, WIDTH × ``height`` in its own coordinates; ``pixels`` high where the style does not say."""
    name = "c" + hashlib.sha256(caption.key.encode()).hexdigest()[:10]
    return tag(
        "svg",
        tag("title", caption.title, id=f"{name}-t"),
        tag("desc", caption.description, id=f"{name}-d"),
        *shapes,
        viewBox=f"0 0 {WIDTH} {height:g}",
        preserveAspectRatio="none",
        role="img",
        aria_labelledby=f"{name}-t {name}-d",
        cls=cls,
        height=pixels if pixels is not None else False,
    )


def dot(x: float, y: float, cls: str) -> Markup:
    """Round however the drawing is stretched: a line without length that has round ends."""
    return tag("path", d=f"M{x:.1f} {y:.1f}h0.01", cls=f"dot {cls}")


def no_data(caption: Caption, why: str) -> Markup:
    """In place of a chart."""
    return tag(
        "figure",
        tag("figcaption", tag("b", caption.title)),
        tag("p", why, cls="note"),
        cls="chart",
        data_key=caption.key,
    )
