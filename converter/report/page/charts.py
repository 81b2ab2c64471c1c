"""Small drawings in plain HTML and CSS: no script, and they follow the page's colours."""

from __future__ import annotations

from converter.measurement.parity import ModelReport
from edge.core.html.markup import Markup, note, scroll, tag

MATRIX_MOST = 30
"""Labels that a confusion matrix is drawn for; beyond, the commonest confusions are listed."""
CONFUSIONS = 20


def bar(share: float, worth: str = "") -> Markup:
    """A bar of ``share`` (0 to 1) of the width; ``worth`` is "good", "fair" or "poor"."""
    width = f"width:{100 * min(max(share, 0.0), 1.0):.1f}%"
    return tag("span", tag("i", style=width, cls=worth or False), cls="bar", aria_hidden="true")


def interval(low: float, point: float, high: float, least: float) -> Markup:
    """An interval with its point, on an axis from ``least`` to 1."""
    left, middle, right = (100 * (value - least) / (1 - least) for value in (low, point, high))
    line = tag("i", style=f"left:{left:.2f}%;width:{right - left:.2f}%")
    dot = tag("b", style=f"left:{middle:.2f}%")
    return tag("span", line, dot, cls="interval", aria_hidden="true")


def confusion(model: ModelReport) -> Markup:
    """The matrix, rows true and columns named; for very many labels the commonest confusions."""
    labels = [one.label for one in model.classes]
    if len(labels) > MATRIX_MOST:
        return _commonest(model, labels)
    corner = tag("td", cls="corner")
    numbers = [tag("th", index, scope="col", title=label) for index, label in enumerate(labels, 1)]
    rows = [
        tag("tr", tag("th", tag("small", index), " ", labels[index - 1], scope="row"), _cells(row, index - 1))
        for index, row in enumerate(model.confusion, 1)
    ]
    parts = (tag("caption", model.name), tag("thead", tag("tr", corner, numbers)), tag("tbody", rows))
    return scroll(tag("table", *parts, cls="matrix"))


def _cells(row: tuple[int, ...], index: int) -> list[Markup]:
    total = sum(row) or 1
    return [
        tag(
            "td",
            count or "·",
            cls="hit" if at == index else "miss" if count else False,
            style=f"--share:{100 * count / total:.0f}%",
        )
        for at, count in enumerate(row)
    ]


def _commonest(model: ModelReport, labels: list[str]) -> Markup:
    pairs = [
        (count, labels[row], labels[column])
        for row, counts in enumerate(model.confusion)
        for column, count in enumerate(counts)
        if count and row != column
    ]
    pairs.sort(key=lambda pair: -pair[0])
    items = [tag("li", f"{true} named {named}: {count}") for count, true, named in pairs[:CONFUSIONS]]
    title = tag("h3", f"{model.name}: the commonest confusions")
    return tag("div", title, tag("ol", items) if items else note("None."))
