"""A pane as it travels: a small JSON object whose counts are packed into one text."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge.core.structs import build
from edge.drift.encoding.counts import PackedCounts, pack_counts
from edge.drift.pane import MARKS, AuditedLabel, Pane
from edge.drift.reference import MAX_COUNT, Reference
from edge.drift.univariate.ranks import RankCounts
from edge.errors import ArtifactError, ConfigError

TOGETHER = 16
"""Panes whose counts are read by one call: of more, they would not stay in a processor's cache."""


@dataclass(frozen=True, slots=True)
class _Stored:
    reference: str
    model: str
    n: int
    first_seq: int
    last_seq: int
    classes: tuple[int, ...]
    marks: dict[str, int]
    audits: tuple[tuple[Any, ...], ...]
    counts: str


def encode_pane(pane: Pane) -> dict[str, Any]:
    """JSON-ready. ``counts`` holds, in base64, per column the ranks, the grid, and what was out of order."""
    return {
        "reference": pane.reference.digest,
        "model": pane.model,
        "n": pane.n,
        "first_seq": pane.first_seq,
        "last_seq": pane.last_seq,
        "classes": pane.classes,
        "marks": pane.marks,
        "audits": [[*key, count] for key, count in sorted(pane.audits.items())],
        "counts": base64.b64encode(pack_counts(pane.arrays(), pane.reference.layout)).decode(),
    }


def decode_pane(data: Mapping[str, Any], reference: Reference) -> Pane:
    """The inverse of :func:`encode_pane`. Raises ArtifactError for malformed data or another reference."""
    return decode_sum([data], reference)


def decode_sum(panes: Sequence[Mapping[str, Any]], reference: Reference) -> Pane:
    """The sum of at least one encoded pane of one model: that of :meth:`Pane.merge`, in a fraction of the time.

    Raises ArtifactError when one of them is malformed, or of another reference or model.
    """
    try:
        return _sum([_stored(data, reference) for data in panes], reference)
    except (ConfigError, ValueError, OverflowError) as error:
        raise ArtifactError(f"drift statistics are not valid: {error}") from None


def _stored(data: Mapping[str, Any], reference: Reference) -> _Stored:
    stored = build(_Stored, data, strict=False)
    if stored.reference != reference.digest:
        raise ConfigError(f"counted against reference {stored.reference}, not {reference.digest}")
    if not 0 <= stored.n <= MAX_COUNT:
        raise ConfigError(f"n: expected a number of samples from 0 to {MAX_COUNT}, got {stored.n}")
    if len(stored.classes) != len(reference.labels):
        raise ConfigError(f"classes: expected {len(reference.labels)} counts, got {len(stored.classes)}")
    return stored


def _sum(stored: Sequence[_Stored], reference: Reference) -> Pane:
    models = {one.model for one in stored}
    if len(models) > 1:
        raise ConfigError(f"of two models ({', '.join(map(repr, sorted(models)))})")
    pane, audits = Pane(reference, models.pop()), Counter[AuditedLabel]()
    total = pane.arrays()
    for start in range(0, len(stored), TOGETHER):
        _add(total, audits, stored[start : start + TOGETHER], reference)
    full = [one for one in stored if one.n] or stored
    seqs = min(one.first_seq for one in full), max(one.last_seq for one in full)
    pane.restore(sum(one.n for one in stored), seqs, audits, total)
    return pane


def _add(
    total: dict[str, RankCounts], audits: Counter[AuditedLabel], stored: Sequence[_Stored], reference: Reference
) -> None:
    n = np.array([one.n for one in stored], np.int64)
    packed = PackedCounts.read([base64.b64decode(one.counts, validate=True) for one in stored], reference.layout)
    packed.check(n)
    packed.add_to(total)
    for name, counts in _whole(stored, n).items():
        total[name] += counts
    for one in stored:
        _add_audits(audits, one.audits, len(reference.labels))


def _whole(stored: Sequence[_Stored], n: RankCounts) -> dict[str, RankCounts]:
    """Counts of whole samples."""
    classes = np.array([one.classes for one in stored], np.int64)
    marks = np.array([[one.marks.get(name, 0) for name in MARKS] for one in stored], np.int64)
    if min(classes.min(initial=0), marks.min(initial=0)) < 0:
        raise ConfigError("classes, marks: expected counts from 0 on")
    if (classes.sum(axis=1) > n).any() or (marks > n[:, None]).any():
        raise ConfigError(f"classes, marks: expected counts of up to {', '.join(map(str, n.tolist()))} samples")
    return {"classes": classes.sum(axis=0), "marks": marks.sum(axis=0)}


def _add_audits(audits: Counter[AuditedLabel], rows: tuple[tuple[Any, ...], ...], labels: int) -> None:
    for row in rows:
        whole = len(row) == 4 and isinstance(row[0], str) and all(type(one) is int for one in row[1:])
        if not whole or not (0 <= row[1] < labels and 0 <= row[2] < labels and 0 < row[3] <= MAX_COUNT):
            raise ConfigError(f"audits: expected stratum, two label indices and a count, got {row!r:.60}")
        audits[row[0], row[1], row[2]] += row[3]
