"""Which model, in which version and slot, runs where; and two versions beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from edge.core.html import Markup
from edge.drift.pane import Pane
from edge.drift.watch.verdict import ColumnVerdict
from edge.monitor.queries.reading import Filter, FleetRow, ModelCount, Reader
from edge.monitor.web.charts import distribution
from edge.monitor.web.charts.figure import Caption
from edge.monitor.web.pages import drifting
from edge.monitor.web.pages.scope import choose
from edge.monitor.web.query import STRETCHES, PageQuery

LOOKED_AT = 500
"""Devices of each version whose rates and latencies are compared."""


@dataclass(frozen=True, slots=True)
class ModelVersions:
    """One model's versions, the newest first, with the share of its devices on each."""

    model: str
    devices: int
    counts: tuple[ModelCount, ...]

    @property
    def versions(self) -> list[int]:
        return sorted({count.version for count in self.counts}, reverse=True)


@dataclass(frozen=True, slots=True)
class ComparedVersion:
    """One version in the comparison."""

    version: int
    devices: int
    looked_at: int
    drifted: int
    p99_us: float | None
    fps: float | None
    dropped: float | None
    """Share of the frames."""
    parts: int
    columns: dict[str, ColumnVerdict]
    pane: Pane | None
    problem: str


def context(reader: Reader, asked: PageQuery) -> dict[str, Any]:
    """For ``models.html``."""
    return {"asked": asked, "rollouts": rollouts(reader.models(asked.filter))}


def rollouts(counts: Sequence[ModelCount]) -> list[ModelVersions]:
    """By model."""
    by_model: dict[str, list[ModelCount]] = {}
    for count in counts:
        by_model.setdefault(count.model, []).append(count)
    return [
        ModelVersions(
            model, sum(one.devices for one in own), tuple(sorted(own, key=lambda c: (-c.version, c.slot, c.state)))
        )
        for model, own in sorted(by_model.items())
    ]


def comparison(reader: Reader, asked: PageQuery) -> dict[str, Any]:
    """For ``compare.html``: two versions of a model over the same time."""
    every = rollouts(reader.models())
    model = asked.text("model") or next((one.model for one in every), "")
    known = next((one for one in every if one.model == model), None)
    versions = known.versions if known else []
    pair = (asked.whole("a"), asked.whole("b"))
    first, second = pair if None not in pair else tuple([*versions[:2][::-1], None, None][:2])
    sides = [_side(reader, asked, model, version) for version in (first, second) if version is not None]
    return {
        "asked": asked,
        "stretches": STRETCHES,
        "model": model,
        "versions": versions,
        "first": first,
        "second": second,
        "sides": sides if len(sides) == 2 else [],
        "columns": _columns(sides),
        "classes": _classes(sides),
    }


def _side(reader: Reader, asked: PageQuery, model: str, version: int) -> ComparedVersion:
    where = Filter(model=model, version=version, site=asked.text("site") or None, line=asked.text("line") or None)
    rows, total = reader.fleet(where, limit=LOOKED_AT)
    scope = choose(reader, where, asked.span)
    merged = reader.merged(scope.where, scope.span)
    own = [one for one in merged if one.version == version]
    best = next((one for one in own if one.pane is not None), None)
    return ComparedVersion(
        version,
        total,
        len(rows),
        sum(bool(row.drifted) for row in rows),
        _median(rows, "p99_us"),
        _median(rows, "fps"),
        _dropped(rows),
        best.pane.n if best and best.pane else 0,
        {column.name: column for column in best.verdict.columns} if best and best.verdict else {},
        best.pane if best else None,
        "" if best else next((one.problem for one in own), "no statistics of this time"),
    )


def _median(rows: Sequence[FleetRow], name: str) -> float | None:
    values = [value for row in rows if (value := getattr(row, name)) is not None]
    return median(values) if values else None


def _dropped(rows: Sequence[FleetRow]) -> float | None:
    dropped, decided = sum(row.dropped or 0 for row in rows), sum(row.decided or 0 for row in rows)
    return dropped / (dropped + decided) if dropped + decided else None


def _columns(sides: Sequence[ComparedVersion]) -> list[tuple[str, list[ColumnVerdict | None]]]:
    """By the larger effect."""
    names = {name for side in sides for name in side.columns}
    found = [(name, [side.columns.get(name) for side in sides]) for name in names]
    return sorted(found, key=lambda pair: (-max(column.effect for column in pair[1] if column), pair[0]))


def _classes(sides: Sequence[ComparedVersion]) -> Markup | None:
    """Shares of the predicted classes, where both versions have the same ones."""
    panes = [side.pane for side in sides if side.pane is not None and side.pane.n]
    if len(panes) != 2 or panes[0].reference.labels != panes[1].reference.labels:
        return None
    labels = panes[0].reference.labels
    one, other = ([count / max(1, sum(pane.classes)) for count in pane.classes] for pane in panes)
    names = (f"v{sides[0].version}", f"v{sides[1].version}")
    caption = Caption(
        "classes",
        "Predicted classes",
        f"Share of each class by {names[0]} and by {names[1]}.",
        "share of parts",
        "class",
    )
    return distribution(caption, labels, one, other, drifting.below(labels), names)
