"""The rows of a measurement as aligned text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from edge.inference.bench.bench import BenchRow
from edge.inference.bench.measure import Times

_LEFT = 4
"""Columns of words; the rest are numbers."""
_HEAD = (
    *("runtime", "threads", "XNNPACK", "delegate"),
    *("invoke p50", "p99", "preprocess p50", "p99", "decision p50", "p99", "start", "memory"),
)


def table(rows: Sequence[BenchRow]) -> list[str]:
    """A head and one line per row, the fastest first."""
    cells = [_HEAD, *(_cells(row) for row in sorted(rows, key=lambda row: row.decision.p50_ms))]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [_line(line, widths) for line in cells]


def _cells(row: BenchRow) -> tuple[str, ...]:
    setup = row.setup
    delegate = PurePath(setup.delegate.library).name if setup.delegate else "–"
    return (
        *(row.runtime, str(setup.threads), "yes" if setup.xnnpack else "no", delegate),
        *(*_times(row.invoke), *_times(row.preprocess), *_times(row.decision)),
        *(f"{row.start_ms:.0f}", f"{row.memory_mb:.0f} MB"),
    )


def _times(times: Times) -> tuple[str, str]:
    return f"{times.p50_ms:.3f}", f"{times.p99_ms:.3f}"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (
        cell.ljust(width) if column < _LEFT else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join(padded).rstrip()
