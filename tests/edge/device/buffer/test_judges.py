"""Which model judged which record."""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.device.buffer import Buffer, JudgingModel
from edge.device.buffer.reading import entries
from edge.device.buffer.schema import open_reader
from edge.protocol.record import Record, unpack

COOKIE = [JudgingModel("cookie", version, ("bad", "whole")[:: 1 if version % 2 else -1]) for version in range(4)]


def record(seq: int) -> Record:
    return Record(seq, seq, seq, 1, 0.5, 0, 0)


def judged(path: Path) -> dict[int, JudgingModel]:
    """By ``seq``, as the file has it."""
    with closing(open_reader(path)) as db:
        return {
            one.seq: JudgingModel(entry.model, entry.model_version, entry.labels)
            for entry in entries(db, "predictions")
            for one in unpack(entry.payload)
        }


STEPS = st.lists(st.one_of(st.integers(1, 450), st.sampled_from(COOKIE), st.just("commit")), max_size=12)


@settings(max_examples=25)
@given(STEPS)
def test_every_record_is_that_of_the_model_that_judged_it(steps: list[int | JudgingModel | str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path, expected, current = Path(folder) / "buffer.db", dict[int, JudgingModel](), JudgingModel("factory")
        with closing(Buffer(path, model="factory", commit_s=600, commit_records=10**6)) as buffer:
            for step in steps:
                if isinstance(step, JudgingModel):
                    current = step
                    buffer.judged_by(step, len(expected))
                elif isinstance(step, int):
                    for _ in range(step):
                        buffer.append(record(len(expected)))
                        expected[len(expected)] = current
                else:
                    buffer.commit()
        assert judged(path) == expected


def test_a_file_from_before_it_held_the_models_is_read_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "buffer.db"
    with closing(Buffer(path, model="cookie")) as buffer:
        buffer.append(record(0))
    with closing(sqlite3.connect(path)) as db:
        db.execute("DROP TABLE judge")
    assert judged(path) == {0: JudgingModel("cookie")}
    with closing(Buffer(path, model="cookie")) as buffer:
        buffer.judged_by(COOKIE[1], 0)
        buffer.append(record(1))
    assert judged(path) == {0: JudgingModel("cookie"), 1: COOKIE[1]}
