"""What holds for every file that takes a job's results."""

from __future__ import annotations

import csv
import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.errors import ConfigError
from edge.inference.batch import BatchRow, BatchSink, Written, open_sink

KINDS = ("csv", "jsonl", "db")
WRITTEN = Written("colour-0123456789ab", ("red", 'gr"een', "b,lue"))
AWKWARD = ['a "quoted", name.png', "line\nbreak.png", "ünï/çode.png", "tab\t.png", "\\udcff.png", "0"]


@pytest.fixture(params=KINDS)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / f"out.{request.param}"


def row(name: str, frame: int = 0, index: int = 0) -> BatchRow:
    scores = tuple(0.8 if i == index else 0.1 for i in range(3))
    return BatchRow(name, frame, WRITTEN.labels[index], 0.8, scores)


def unreadable(name: str) -> BatchRow:
    return BatchRow(name, 0, error="not a picture")


def content(path: Path) -> list[Any]:
    """Rows as a reader of the format sees them."""
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text("utf-8").split("\n")[:-1]]
    with closing(sqlite3.connect(path)) as db:
        return db.execute("SELECT path, frame, label, score, scores, error FROM prediction").fetchall()


def write(path: Path, rows: list[BatchRow], if_there: Any = "refuse") -> BatchSink:
    sink = open_sink(path, WRITTEN, if_there)
    for one in rows:
        sink.put(one)
    sink.close()
    return sink


def test_rows_come_out_as_they_went_in(path: Path) -> None:
    write(path, [row(name, 3, 1) for name in AWKWARD] + [unreadable("bad.png")])
    found = content(path)
    assert len(found) == len(AWKWARD) + 1
    first, last = found[0], found[-1]
    if path.suffix == ".csv":
        assert [line["path"] for line in found[:-1]] == AWKWARD
        assert (first["frame"], first["label"], first["score"], first["score:b,lue"]) == ("3", 'gr"een', "0.8", "0.1")
        assert (last["label"], last["score"], last["error"]) == ("", "", "not a picture")
        assert first["model"] == WRITTEN.model
    elif path.suffix == ".jsonl":
        assert [line["path"] for line in found[:-1]] == AWKWARD
        assert first["scores"] == {"red": 0.1, 'gr"een': 0.8, "b,lue": 0.1}
        assert last == {"path": "bad.png", "frame": 0, "error": "not a picture", "model": WRITTEN.model}
    else:
        assert [line[0] for line in found[:-1]] == AWKWARD
        assert json.loads(first[4]) == {"red": 0.1, 'gr"een': 0.8, "b,lue": 0.1}
        assert last == ("bad.png", 0, "", None, "{}", "not a picture")


def test_a_file_that_is_there_is_neither_touched_nor_continued_unasked(path: Path) -> None:
    write(path, [row("1.png")])
    before = path.read_bytes()
    with pytest.raises(
        ConfigError, match=r"already there; continue it with --resume, or replace it with --overwrite"
    ):
        write(path, [row("2.png")])
    assert path.read_bytes() == before
    write(path, [row("2.png")], "overwrite")
    assert len(content(path)) == 1


def test_what_is_done_is_known_after_resuming(path: Path) -> None:
    write(path, [row("1.png"), row("v.mp4", 1, 1), unreadable("bad.png")])
    sink = open_sink(path, WRITTEN, "resume")
    assert [sink.is_done(*key) for key in (("1.png", 0), ("v.mp4", 1), ("bad.png", 0))] == [True] * 3
    assert [sink.is_done(*key) for key in (("1.png", 1), ("v.mp4", 2), ("2.png", 0))] == [False] * 3
    assert dict(sink.tally) == {"red": 1, 'gr"een': 1, "": 1}
    sink.put(row("2.png"))
    assert sink.is_done("2.png", 0)
    sink.close()
    assert len(content(path)) == 4


def test_resuming_what_is_not_there_begins_it(path: Path) -> None:
    write(path, [row("1.png")], "resume")
    assert len(content(path)) == 1


def test_the_result_of_another_model_is_not_continued(path: Path) -> None:
    write(path, [row("1.png")])
    before = content(path)
    with pytest.raises(ConfigError, match=r"not a result of this model .*made by colour-0123456789ab"):
        open_sink(path, Written("other-0123456789ab", WRITTEN.labels), "resume")
    assert content(path) == before


@pytest.mark.parametrize("text", ["something else\n", "a,b,c\n1,2,3\n", '{"a": 1}\n', "[1]\n"])
def test_another_file_is_not_continued(path: Path, text: str) -> None:
    path.write_text(text)
    with pytest.raises(ConfigError, match="not a result of this model that could be continued"):
        open_sink(path, WRITTEN, "resume")
    assert path.read_text() == text


def test_two_jobs_do_not_write_into_one_file(path: Path) -> None:
    sink = open_sink(path, WRITTEN, "refuse")
    sink.put(row("1.png"))
    with pytest.raises(ConfigError, match="another job writes into it"):
        open_sink(path, WRITTEN, "resume")
    sink.close()
    open_sink(path, WRITTEN, "resume").close()


@pytest.mark.parametrize("name", ["out.txt", "out", "missing/out.csv", ".", "folder.csv"])
def test_a_name_that_says_no_kind_or_place_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(ConfigError, match=r"--out .*expected"):
        open_sink(tmp_path / name, WRITTEN, "refuse")


FULL = """
import resource, signal, sys
from pathlib import Path
from edge.errors import StateError
from edge.inference.batch import BatchRow, Written, open_sink

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))  # as a full disk: the write is refused
sink = open_sink(Path(sys.argv[1]), Written("m", ("a",)), "refuse")
try:
    for number in range(100_000):
        sink.put(BatchRow(f"{number}.png", 0, "a", 1.0, (1.0,)))
except StateError as error:
    print(error)
"""


def test_a_full_disk_is_one_clear_line_and_what_was_written_can_be_continued(path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, check=False)
    assert done.stdout.startswith(f"{path}: cannot be written ("), done.stderr
    assert done.stdout.endswith("what is in it stays, continue with --resume\n")
    sink = open_sink(path, Written("m", ("a",)), "resume")
    assert 100 < sink.tally["a"] < 10_000
    assert sink.is_done("0.png", 0)
    sink.close()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.lists(st.text("aü\n\",'\r\\{}", min_size=1, max_size=6), min_size=1, max_size=8, unique=True),
    share=st.floats(0, 1),
    kind=st.sampled_from(["csv", "jsonl"]),
)
def test_cut_anywhere_and_resumed_a_file_is_as_if_undisturbed(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], share: float, kind: str
) -> None:
    path = tmp_path_factory.mktemp("cut") / f"out.{kind}"
    rows = [row(name, index=i % 3) for i, name in enumerate(names)]
    write(path, rows)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    sink = open_sink(path, WRITTEN, "resume")
    for one in rows:
        if not sink.is_done(one.path, one.frame):
            sink.put(one)
    sink.close()
    assert path.read_bytes() == whole


def test_a_power_cut_takes_at_most_the_last_second_of_a_database(tmp_path: Path) -> None:
    moments = iter(range(10_000))
    path = tmp_path / "out.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("edge.inference.batch.database.time.monotonic", lambda: next(moments) / 10)
        sink = open_sink(path, WRITTEN, "refuse")
        for number in range(45):
            sink.put(row(f"{number}.png"))
        copy = tmp_path / "copy.db"
        copy.write_bytes(path.read_bytes())  # as the disk holds it: without the last transaction
        sink.close()
    assert 35 <= len(content(copy)) < 45
    assert len(content(path)) == 45


def test_every_kind_of_file_is_tested(path: Path) -> None:
    from edge.inference.batch.factory import DATABASES, LINES

    assert {f".{kind}" for kind in KINDS} <= {*LINES, *DATABASES}
