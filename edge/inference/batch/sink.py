"""Where a job's results go."""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import Any, Protocol

from edge.inference.batch.row import BatchRow


class BatchSink(Protocol):
    """Takes one row after another, and knows those of earlier runs. One thread uses it.

    A process that is killed at any moment leaves a file that can be read and continued; a power cut takes at most the
    last second. ``put``, ``is_done`` and ``close`` raise StateError when the file cannot be written.
    """

    tally: Counter[str]
    """Rows by label, of earlier runs, too; those without a judgement under the empty name."""

    def is_done(self, path: str, frame: int) -> bool:
        """Whether there is a row for this frame."""
        ...

    def put(self, row: BatchRow) -> None: ...

    def close(self) -> None:
        """All rows are durable then."""
        ...


class Printer:
    """Standard output, as text or as JSON lines, with the time each judgement took."""

    def __init__(self, labels: tuple[str, ...], as_json: bool) -> None:
        self.tally: Counter[str] = Counter()
        self._labels, self._as_json = labels, as_json

    def is_done(self, path: str, frame: int) -> bool:
        return False

    def put(self, row: BatchRow) -> None:
        self.tally[row.label] += 1
        if row.error:
            return  # said on standard error
        line = self._json(row) if self._as_json else f"{row.name}\t{row.label}\t{row.score:.3f}"
        sys.stdout.write(line + "\n")

    def close(self) -> None:
        sys.stdout.flush()

    def _json(self, row: BatchRow) -> str:
        fields: dict[str, Any] = {
            "path": row.name,
            "label": row.label,
            "score": row.score,
            "scores": dict(zip(self._labels, row.scores, strict=True)),
            "latency_ms": round(row.latency_ms, 3),
        }
        return json.dumps(fields, ensure_ascii=False)
