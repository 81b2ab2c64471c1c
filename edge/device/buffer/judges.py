"""Which model judged from which record on: a boot may see several, when models are swapped while the line runs."""

from __future__ import annotations

import json
import sqlite3
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edge.protocol.record import Record


@dataclass(frozen=True, slots=True)
class JudgingModel:
    """``labels`` are what a record's label is an index of; ``version`` is 0 for a foreign model."""

    model: str
    version: int = 0
    labels: tuple[str, ...] = ()


class JudgingModels:
    """Models that judged in one boot, in the order in which they came. For one thread."""

    def __init__(self, first: JudgingModel) -> None:
        self._judges = [first]
        self._firsts = [0]
        self._written = 0

    @property
    def last(self) -> JudgingModel:
        return self._judges[-1]

    def add(self, judge: JudgingModel, first_seq: int) -> None:
        """Records from ``first_seq`` on are this one's."""
        if self._firsts[-1] >= first_seq:  # nothing was judged meanwhile
            self._judges.pop()
            self._firsts.pop()
            self._written = min(self._written, len(self._firsts))
        self._judges.append(judge)
        self._firsts.append(first_seq)

    def split(self, records: Sequence[Record], most: int) -> Iterator[tuple[JudgingModel, Sequence[Record]]]:
        """In runs of one judge's, of at most so many records."""
        start = 0
        while start < len(records):
            place = bisect_right(self._firsts, records[start].seq) - 1
            end = min(len(records), start + most)
            if place + 1 < len(self._firsts):
                end = min(end, bisect_right(records, self._firsts[place + 1] - 1, start, key=lambda r: r.seq))
            yield self._judges[place], records[start:end]
            start = end

    def write(self, db: sqlite3.Connection, boot_id: str) -> None:
        """Those that the file does not hold yet, inside the caller's transaction."""
        rows = [
            (boot_id, first, judge.model, judge.version, json.dumps(judge.labels, ensure_ascii=False))
            for first, judge in list(zip(self._firsts, self._judges, strict=True))[self._written :]
        ]
        if rows:
            db.executemany("INSERT OR REPLACE INTO judge VALUES (?, ?, ?, ?, ?)", rows)

    def written(self) -> None:
        """The transaction was committed."""
        self._written = len(self._firsts)

    def forgotten(self) -> None:
        """Another file holds none of them."""
        self._written = 0
