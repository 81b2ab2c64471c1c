"""A pane as it travels: a small JSON object whose counts are packed into one text."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge.drift import grid
from edge.drift.coding import Unpacker, pack, unzigzag, zigzag
from edge.drift.pane import MARKS, Audit, Pane
from edge.drift.ranks import Counts
from edge.drift.reference import MAX_COUNT, Reference
from edge.errors import ArtifactError, ConfigError
from edge.typed import build


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
        "counts": base64.b64encode(_pack(pane)).decode(),
    }


def decode_pane(data: Mapping[str, Any], reference: Reference) -> Pane:
    """The inverse of :func:`encode_pane`. Raises ArtifactError for malformed data or another reference."""
    try:
        return _pane(build(_Stored, data, strict=False), reference)
    except (ConfigError, ValueError, OverflowError) as error:
        raise ArtifactError(f"drift statistics are not valid: {error}") from None


def _pack(pane: Pane) -> bytes:
    arrays = pane.arrays()
    gaps, ties = pane.reference.layout.gaps, pane.reference.layout.ties
    used = arrays["counts"] > 0
    first = np.where(used.any(axis=1), used.argmax(axis=1), 0)
    length = np.where(used.any(axis=1), grid.SIZE - used[:, ::-1].argmax(axis=1) - first, 0)
    inside = _ranges(first, length)
    counts = arrays["counts"][inside]
    centred = arrays["sums"][inside] - counts * (grid.SLICES - 1) // 2
    return pack(
        [
            arrays["ranks"][gaps],
            arrays["ranks"][ties],
            first,
            length,
            counts,
            zigzag(centred),
            *(arrays[name] for name in ("missing", "below", "above")),
        ]
    )


def _pane(stored: _Stored, reference: Reference) -> Pane:
    if stored.reference != reference.digest:
        raise ConfigError(f"counted against reference {stored.reference}, not {reference.digest}")
    if not 0 <= stored.n <= MAX_COUNT:
        raise ConfigError(f"n: expected a number of samples from 0 to {MAX_COUNT}, got {stored.n}")
    pane = Pane(reference, stored.model)
    whole = {"classes": stored.classes, "marks": tuple(stored.marks.get(name, 0) for name in MARKS)}
    found = {name: np.array(counts, np.int64) for name, counts in whole.items()}
    found |= _unpack(base64.b64decode(stored.counts, validate=True), reference)
    _check(found, stored.n, reference)
    pane.restore(stored.n, (stored.first_seq, stored.last_seq), _audits(stored.audits, len(reference.labels)), found)
    return pane


def _unpack(data: bytes, reference: Reference) -> dict[str, Counts]:
    source, columns = Unpacker(data), reference.layout.columns
    gaps, ties = reference.layout.gaps, reference.layout.ties
    ranks = np.zeros(len(gaps) + len(ties), np.int64)
    ranks[gaps] = source.take(len(gaps))
    ranks[ties] = source.take(len(ties))
    first, length = source.take(columns), source.take(columns)
    if (first + length).max(initial=0) > grid.SIZE:
        raise ConfigError("counts: a cell beyond the grid")
    inside = _ranges(first, length)
    counts, sums = (np.zeros((columns, grid.SIZE), np.int64) for _ in range(2))
    counts[inside] = source.take(int(length.sum()))
    sums[inside] = unzigzag(source.take(int(length.sum()))) + counts[inside] * (grid.SLICES - 1) // 2
    missing, below, above = (source.take(columns) for _ in range(3))
    source.end()
    return {"ranks": ranks, "counts": counts, "sums": sums, "missing": missing, "below": below, "above": above}


def _check(found: dict[str, Counts], n: int, reference: Reference) -> None:
    """Counts must add up to ``n``."""
    starts = reference.layout.starts
    total = np.add.reduceat(found["ranks"], starts[:-1]) if len(starts) > 1 else np.zeros(0, np.int64)
    counts, sums = found["counts"], found["sums"]
    if (total + found["missing"] != n).any() or (counts.sum(axis=1) != total).any():
        raise ConfigError(f"counts: they do not add up to {n} samples")
    if (sums < 0).any() or (sums > counts * (grid.SLICES - 1)).any():
        raise ConfigError("counts: sums of slices that no values have")
    if (found["below"] + found["above"] > total).any():
        raise ConfigError("counts: more values out of range than there are")
    classes, marks = found["classes"], found["marks"]
    if len(classes) != len(reference.labels) or min(classes.min(initial=0), marks.min(initial=0)) < 0:
        raise ConfigError("classes, marks: expected one count from 0 on for each")
    if max(classes.sum(), marks.max(initial=0)) > n:
        raise ConfigError(f"classes, marks: expected counts of up to {n} samples")


def _audits(rows: tuple[tuple[Any, ...], ...], labels: int) -> Counter[Audit]:
    audits: Counter[Audit] = Counter()
    for row in rows:
        whole = len(row) == 4 and isinstance(row[0], str) and all(type(one) is int for one in row[1:])
        if not whole or not (0 <= row[1] < labels and 0 <= row[2] < labels and 0 < row[3] <= MAX_COUNT):
            raise ConfigError(f"audits: expected stratum, two label indices and a count, got {row!r:.60}")
        audits[row[0], row[1], row[2]] += row[3]
    return audits


def _ranges(first: Counts, length: Counts) -> tuple[Counts, Counts]:
    """Rows and columns of the grids' cells in use."""
    rows = np.repeat(np.arange(len(first)), length)
    starts = np.repeat(np.cumsum(length) - length, length)
    return rows, np.arange(len(rows)) - starts + np.repeat(first, length)
