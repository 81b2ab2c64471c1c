"""A comparison as one HTML page, distributions side by side."""

from __future__ import annotations

from edge.core.html import Content, Markup, document, note, section, table, tag
from edge.core.html.bars import pairs
from edge.drift.compare import ComparedColumn, Comparison, HistogramPair

DRAWN = 60
"""Columns whose distributions are drawn, the strongest first."""
_HEIGHT, _WIDTH = 90, 340


def render(comparison: Comparison, reference: str, current: str) -> bytes:
    """UTF-8; ``reference`` and ``current`` say what was compared."""
    drifted = [column for column in comparison.columns if column.drifted]
    return document(
        f"{current}: drift",
        _headline(comparison, drifted, reference, current),
        section("Columns", note(_rule(comparison)), _table(comparison)),
        section(
            "Side by side", _legend(), tag("div", [_figure(one) for one in comparison.columns[:DRAWN]], cls="pair")
        ),
        _skipped(comparison),
    )


def _headline(comparison: Comparison, drifted: list[ComparedColumn], reference: str, current: str) -> Markup:
    first = drifted[0].name if drifted else "–"
    verdict = "drifted" if comparison.drifted else "no drift"
    evidently = "drifted" if comparison.evidently_drifted else "no drift"
    facts = [
        ("verdict", verdict, f"{len(drifted)} of {len(comparison.columns)} columns"),
        ("strongest", first, f"p = {drifted[0].p_value:.2g}" if drifted else "no column drifted"),
        ("by Evidently's rules", evidently, f"{comparison.evidently_share:.0%} of the columns"),
    ]
    cards = [
        tag("div", tag("dt", name), tag("dd", value), tag("dd", more, cls="note")) for name, value, more in facts
    ]
    lines = tag("p", tag("code", current), " against ", tag("code", reference))
    return tag("header", tag("h1", "Drift"), lines, tag("dl", cards, cls="cards"))


def _rule(comparison: Comparison) -> str:
    count = len(comparison.columns)
    return (
        f"A column has drifted when p ≤ {comparison.alpha:g} / {count} and its effect is at least "
        f"{comparison.min_effect:g}. Rows are taken for independent of each other; neighbouring frames are not."
    )


def _table(comparison: Comparison) -> Markup:
    head = ["column", "drifted", "test", "statistic", "p", "effect", "W1 / σ", "PSI", "missing", "Evidently"]
    return table(head, [_row(column) for column in comparison.columns])


def _row(column: ComparedColumn) -> list[Content]:
    mark = tag("b", "✗ yes", cls="poor") if column.drifted else tag("span", "no", cls="good")
    theirs = column.evidently
    return [
        tag("span", column.name, title=column.name),
        mark,
        *column.texts(),
        f"{column.missing[0]} / {column.missing[1]}",
        f"{theirs.test} {theirs.value:.2g} {'✗' if theirs.drifted else '✓'}",
    ]


def _legend() -> Markup:
    marks = tag("i", cls="swatch before"), " reference  ", tag("i", cls="swatch now"), " current"
    return note(*marks, ". Shares of the rows; the outermost bins hold what lies beyond them.")


def _figure(column: ComparedColumn) -> Markup:
    bars = column.bars
    ends = (f"{bars.edges[0]:.4g}", f"{bars.edges[-1]:.4g}") if bars.edges else ("", "")
    moved = "" if column.shift is None else f", {'higher' if column.shift > 0 else 'lower'} ({column.shift:+.2f})"
    unseen = f"; never seen before: {', '.join(column.unseen[:5])}" if column.unseen else ""
    caption = tag(
        "figcaption",
        tag("div", tag("b", column.name, cls="path"), tag("span", "drifted" if column.drifted else "")),
        tag(
            "div",
            tag("span", ends[0]),
            tag("span", f"effect {column.effect:.3f}{moved}{unseen}"),
            tag("span", ends[1]),
        ),
    )
    drawing = _columns(bars) if bars.edges else _rows(bars)
    return tag("figure", drawing, caption, cls="differs" if column.drifted else False)


def _columns(bars: HistogramPair) -> Markup:
    """A histogram of both as SVG."""
    shapes = pairs(bars.reference, bars.current, _WIDTH, _HEIGHT)
    return tag("svg", shapes, viewBox=f"0 0 {_WIDTH} {_HEIGHT}", role="img", cls="histogram", aria_hidden="true")


def _rows(bars: HistogramPair) -> Markup:
    """A pair of bars for each category."""
    rows: list[list[Content]] = [
        [name, _bar(before, "before"), f"{before:.1%}", _bar(now, "now"), f"{now:.1%}"]
        for name, before, now in zip(bars.names, bars.reference, bars.current, strict=True)
    ]
    return table(["", "reference", "", "current", ""], rows, numbers=False)


def _bar(share: float, side: str) -> Markup:
    return tag("span", tag("i", style=f"width:{100 * share:.1f}%", cls=side), cls="bar", aria_hidden="true")


def _skipped(comparison: Comparison) -> Content:
    if not comparison.skipped:
        return Markup("")
    items = [tag("li", tag("b", name), f": {why}") for name, why in comparison.skipped.items()]
    return section("Not compared", tag("ul", items))
