"""Drawings of drift for several pages: heat maps, series with their threshold, distributions side by side."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

from edge.core.html import Markup
from edge.drift.pane import Pane
from edge.drift.univariate.ranks import bin_edges, binned
from edge.monitor.queries.reading import DriftWindow, Slice
from edge.monitor.web.charts import ChartLine, HeatRow, distribution, heat_map, lines
from edge.monitor.web.charts.figure import Caption
from edge.monitor.web.charts.lines import Threshold
from edge.protocol.messages import DriftColumn

MIN_EFFECT = 0.1
"""Smaller differences are not called drift, however sure they are (``edge.drift.judge``)."""
BINS = 10
NAMED = 8
"""Classes, at most, whose names stand below their bars."""
STRENGTH = (
    "Strength from 0 to 1: for features and scores the largest distance D between the distributions of the "
    "parts and of the reference (Kolmogorov–Smirnov), for the classes φ, the root of χ² per part."
)


def strength(column: DriftColumn, window: DriftWindow) -> float | None:
    """An effect from 0 to 1 that the tests have in common: D as it is; of χ² and Z the effect φ, as if the reference
    were large, without what chance alone adds (W. Bergsma, Journal of the Korean Statistical Society 42, 2013).
    """
    statistic = column.statistic
    if statistic is None or not math.isfinite(statistic):
        return None
    if column.test in ("chi2", "z"):
        squared = statistic if column.test == "chi2" else statistic * statistic
        classes = sum(one.name.startswith("score:") for one in window.columns)
        freedom = max(1, classes - 1) if column.test == "chi2" else 1
        return min(1.0, math.sqrt(max(0.0, squared - freedom) / max(window.count, 1)))
    return min(abs(statistic), 1.0)


def strongest(windows: Sequence[DriftWindow]) -> list[str]:
    """Names of columns: those that drifted most often come first, then by their greatest strength."""
    drifted: dict[str, int] = defaultdict(int)
    most: dict[str, float] = defaultdict(float)
    for window in windows:
        for column in window.columns:
            drifted[column.name] += column.drifted
            most[column.name] = max(most[column.name], strength(column, window) or 0.0)
    return sorted(most, key=lambda name: (-drifted[name], -most[name], name))


def windows_map(caption: Caption, windows: Sequence[DriftWindow], names: Sequence[str], href: str) -> Markup:
    """Columns × the windows of one device; ``href`` is where a name leads, before its own part."""
    by_window = [{column.name: column for column in window.columns} for window in windows]
    rows = [
        HeatRow(
            name,
            [
                (strength(column, window), column.drifted) if (column := columns.get(name)) else (None, False)
                for window, columns in zip(windows, by_window, strict=True)
            ],
            f"{href}{place}" if href else "",
        )
        for place, name in enumerate(names)
    ]
    times = [window.start_ns for window in windows] + [window.end_ns for window in windows[-1:]]
    return heat_map(caption, times, rows)


def slices_map(caption: Caption, slices: Sequence[Slice], step_ns: int) -> Markup:
    """Columns × equal stretches of time, of many devices together."""
    starts = sorted({one.start_ns for one in slices})
    if not starts:
        return heat_map(caption, [], [])
    times = list(range(starts[0], starts[-1] + step_ns + 1, step_ns))
    cells = {(one.column, (one.start_ns - starts[0]) // step_ns): (one.effect, one.drifted) for one in slices}
    names = sorted({one.column for one in slices}, key=lambda name: _rank(name, slices))
    rows = [
        HeatRow(name, [cells.get((name, place), (None, False)) for place in range(len(times) - 1)]) for name in names
    ]
    return heat_map(caption, times, rows)


def _rank(name: str, slices: Iterable[Slice]) -> tuple[float, float, str]:
    own = [one for one in slices if one.column == name]
    return (-sum(one.drifted for one in own), -max(one.effect or 0.0 for one in own), name)


def series(key: str, name: str, windows: Sequence[DriftWindow]) -> Markup:
    """One column over the windows of a device, with the least effect that counts."""
    points: list[tuple[int, float | None]] = []
    marked = set()
    for window in windows:
        for column in window.columns:
            if column.name == name:
                points.append((window.end_ns, strength(column, window)))
                if column.drifted:
                    marked.add(window.end_ns)
    since = f" It drifted in {len(marked)} of {len(points)} windows." if points else ""
    caption = Caption(
        key, name, f"Strength of {name} against the reference, window by window.{since}", "strength, 0 to 1"
    )
    return lines(
        caption,
        [ChartLine("strength", points, marked=frozenset(marked))],
        Threshold("least that counts", MIN_EFFECT),
    )


def column_shares(pane: Pane, place: int) -> tuple[list[str], list[float], list[float], tuple[str, str]]:
    """Shares of a numeric column: names of the bins, shares of the reference and of the pane, and the outermost
    values."""
    values = pane.reference.layout.ranks[place].values
    before, now = binned(values, pane.ranks(place), BINS)
    texts = [f"{edge:.4g}" for edge in bin_edges(values, BINS)]
    inner = [f"{low} to {high}" for low, high in itertools.pairwise(texts)]
    names = [f"below {texts[0]}", *inner, f"from {texts[-1]}"]
    return names, _shares(before), _shares(now), (f"lowest {values[0]:.4g}", f"highest {values[-1]:.4g}")


def _shares(counts: Sequence[int]) -> list[float]:
    total = max(sum(counts), 1)
    return [count / total for count in counts]


def distributions(pane: Pane, names: Sequence[str]) -> list[Markup]:
    """Reference and now of these numeric columns, side by side."""
    known = {column.name: place for place, column in enumerate(pane.reference.columns)}
    drawn = []
    for name in names:
        if name in known and pane.n:
            bins, before, now, ends = column_shares(pane, known[name])
            caption = Caption(
                f"distribution {name}",
                name,
                f"Shares of the parts in tenths of the reference, lowest to highest; {pane.n} parts now.",
                "share of parts",
            )
            drawn.append(distribution(caption, bins, before, now, ends))
    return drawn


def below(labels: Sequence[str]) -> Sequence[str]:
    """The names of classes that there is room for below their bars."""
    return labels if len(labels) <= NAMED else (labels[0], labels[-1])


def class_shares(pane: Pane) -> Markup:
    """Shares of the predicted classes: in the reference, and now."""
    reference = pane.reference
    caption = Caption(
        "classes",
        "predicted classes",
        "Share of each predicted class in the reference and now.",
        "share of parts",
        "class",
    )
    return distribution(
        caption,
        list(reference.labels),
        _shares(reference.classes),
        _shares(pane.classes),
        below(reference.labels),
    )
