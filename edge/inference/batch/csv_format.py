"""CSV (RFC 4180) with a head: one column a score, in UTF-8."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import BinaryIO

from edge.inference.batch.row import BatchRow, Written, columns


class CsvFormat:
    """A :class:`~edge.inference.batch.lines.LineFormat`."""

    def __init__(self, written: Written) -> None:
        self._written = written
        self._columns = columns(written)

    def head(self) -> bytes:
        return _line(self._columns)

    def encode(self, row: BatchRow) -> bytes:
        scores = row.scores or ("",) * len(self._written.labels)
        score = "" if row.score is None else row.score
        return _line([row.path, row.frame, row.label, score, *scores, row.error, self._written.model])

    def rows(self, file: BinaryIO) -> Iterator[tuple[BatchRow, int]]:
        lines = _Lines(file)
        reader = csv.reader(lines, strict=True)
        try:
            for fields in reader:
                if not lines.whole:
                    return
                yield self._row(fields), lines.end
        except csv.Error as error:
            if lines.whole:
                # A line break inside quotes: the next line is missing, or this is no CSV of ours.
                if "unexpected end of data" in str(error):
                    return
                raise ValueError(str(error)) from None

    def _row(self, fields: list[str]) -> BatchRow:
        if len(fields) != len(self._columns):
            raise ValueError(f"a line has {len(fields)} columns instead of {len(self._columns)}")
        path, frame, label, score, *scores, error, model = fields
        if model != self._written.model:
            raise ValueError(f"it was made by {model}")
        values = tuple(float(text) for text in scores) if label else ()
        return BatchRow(path, int(frame), label, float(score) if label else None, values, error)


class _Lines:
    """Decoded lines of a file, and where the latest of them ends."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.end = file.tell()
        self.whole = True

    def __iter__(self) -> Iterator[str]:
        for line in self._file:
            self.end += len(line)
            self.whole = line.endswith(b"\n")
            yield line.decode("utf-8", "strict" if self.whole else "replace")


def _line(fields: list[str | int | float] | list[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(fields)
    return text.getvalue().encode()
