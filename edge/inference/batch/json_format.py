"""JSON lines: one object a row, in UTF-8."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from edge.inference.batch.row import BatchRow, Written


class JsonFormat:
    """A :class:`~edge.inference.batch.lines.LineFormat`."""

    def __init__(self, written: Written) -> None:
        self._written = written

    def head(self) -> bytes:
        return b""

    def encode(self, row: BatchRow) -> bytes:
        fields: dict[str, Any] = {"path": row.path, "frame": row.frame}
        if row.error:
            fields["error"] = row.error
        else:
            scores = dict(zip(self._written.labels, row.scores, strict=True))
            fields |= {"label": row.label, "score": row.score, "scores": scores}
        return json.dumps(fields | {"model": self._written.model}, ensure_ascii=False).encode() + b"\n"

    def rows(self, file: BinaryIO) -> Iterator[tuple[BatchRow, int]]:
        end = file.tell()
        for line in file:
            if not line.endswith(b"\n"):
                return
            end += len(line)
            yield self._row(json.loads(line)), end

    def _row(self, fields: Any) -> BatchRow:
        if not isinstance(fields, dict) or not {"path", "frame", "model"} <= fields.keys():
            raise ValueError("a line is not an object with path, frame and model")
        if fields["model"] != self._written.model:
            raise ValueError(f"it was made by {fields['model']}")
        scores = tuple(fields.get("scores", {}).values())
        label, score = fields.get("label", ""), fields.get("score")
        return BatchRow(str(fields["path"]), int(fields["frame"]), label, score, scores, fields.get("error", ""))
