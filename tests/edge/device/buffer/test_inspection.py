"""``edge buffer``: figures, export, verify and vacuum, by its Python functions and as a command."""

from __future__ import annotations

import csv
import json
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from edge.cli.main import main
from edge.device.buffer import Buffer
from edge.device.buffer.export import PredictionRow
from edge.device.buffer.inspection import figures, open_buffer_file, vacuum, verify
from edge.device.buffer.lock import locked
from edge.errors import StateError
from edge.protocol.record import Record

COUNT = 1000
Output = Callable[[], tuple[str, str]]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state folder with a thousand records, every tenth rejected, and a window."""
    folder = tmp_path / "state"
    with closing(Buffer(folder / "buffer.db", model="cookie")) as buffer:
        for seq in range(COUNT):
            wall_ns = 1_800_000_000_123_456_000 + seq
            buffer.append(Record(seq, seq * 10, wall_ns, 900, 0.25, seq % 3, seq % 10 == 0, 1, seq + 5, 7))
        buffer.put("drift", 0, b'{"seq":0}')
        buffer.commit()
        buffer.acknowledge([entry.id for entry in buffer.pending(0, 2)])
        # The clock of this boot is the machine's: what is written above differs from it, and is to be corrected.
        buffer._file.open().execute("UPDATE boot SET offset_ns = ?", (1_800_000_000_123_456_000,))
    return folder


def damage(state: Path, kind: str) -> None:
    with closing(sqlite3.connect(state / "buffer.db")) as db:
        db.execute(
            "UPDATE entry SET payload = substr(payload, 1, length(payload) - 3) WHERE id = "
            "(SELECT min(id) FROM entry WHERE kind = ?)",
            (kind,),
        )
        db.commit()


def test_figures_count_what_is_there(state: Path) -> None:
    found = figures(state)
    assert found == figures(state / "buffer.db")
    counts = {name: (kind.entries, kind.items, kind.pending) for name, kind in found.kinds.items()}
    assert counts == {"drift": (1, 1, 0), "predictions": (5, COUNT, 4)}
    assert (found.boots, found.evicted, found.file_bytes >= found.used_bytes > 5000) == (1, 0, True)


def test_a_sound_buffer_has_no_faults_and_every_damaged_row_is_named(state: Path) -> None:
    assert list(verify(state)) == []
    damage(state, "predictions")
    damage(state, "drift")
    faults = list(verify(state))
    assert len(faults) == 2
    assert all("row" in fault for fault in faults)


def test_a_buffer_can_be_looked_into_while_it_is_written(state: Path) -> None:
    with closing(Buffer(state / "buffer.db")) as buffer:
        buffer.append(Record(0, 0, 0, 0, 0.0, 0, 0))
        buffer.commit()
        assert figures(state).kinds["predictions"].items == COUNT + 1
        assert list(verify(state)) == []


@pytest.mark.parametrize("what", ["nothing", "text", "newer"])
def test_what_is_no_buffer_is_one_clear_error(tmp_path: Path, what: str, state: Path) -> None:
    path = tmp_path / "other"
    if what == "text":
        path.write_text("this is no database" * 100)
    elif what == "newer":
        path = state / "buffer.db"
        with closing(sqlite3.connect(path)) as db:
            db.execute("PRAGMA user_version = 9")
    with pytest.raises(StateError, match=str(path)):
        open_buffer_file(path)


def test_vacuum_gives_room_back_and_keeps_everything_but_not_while_a_daemon_runs(state: Path) -> None:
    with closing(Buffer(state / "buffer.db")) as buffer:
        for number in range(50):
            buffer.put("stats", number, bytes(f"{number}" * 3000, "ascii"))
        buffer.commit()
        buffer._file.open().execute("DELETE FROM entry WHERE kind = 'stats'")
        buffer._file.open().execute("DELETE FROM outbox WHERE id NOT IN (SELECT id FROM entry)")
    before, after = vacuum(state)
    assert after <= before
    assert figures(state).file_bytes <= after + 40_000
    assert list(verify(state)) == []
    with locked(state), pytest.raises(StateError, match="another daemon"):
        vacuum(state)


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_every_record_is_exported_in_every_format(state: Path, tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"week.{suffix}"
    assert main(["buffer", "export", str(state), "--out", str(out)]) == 0
    if suffix == "csv":
        with out.open(newline="") as file:
            rows = [dict(row) for row in csv.DictReader(file)]
    elif suffix == "jsonl":
        rows = [json.loads(line) for line in out.read_text().splitlines()]
    else:
        import pyarrow.parquet as pq

        rows = pq.read_table(out).to_pylist()
    assert [int(row["seq"]) for row in rows] == list(range(COUNT))
    assert list(rows[0]) == list(PredictionRow._fields)
    assert sum(str(row["rejected"]) == "True" for row in rows) == COUNT // 10
    assert rows[3]["time"].startswith("2027-01-15T08:00:00.123456")
    assert {(str(row["model"]), int(row["camera"]), int(row["belt_px"])) for row in rows} == {("cookie", 1, 7)}
    assert not list(tmp_path.glob("*.draft"))


def test_messages_are_exported_as_they_were_sent(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["buffer", "export", str(state), "--kind", "drift"]) == 0
    assert capsys.readouterr().out == '{"seq":0}\n'


def test_an_export_that_fails_leaves_the_old_file(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "week.csv"
    out.write_text("old")
    damage(state, "predictions")
    assert main(["buffer", "export", str(state), "--out", str(out)]) == 6
    assert "edge buffer verify" in capsys.readouterr().err
    assert out.read_text() == "old"


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (["--out", "week.xls"], 3, ".parquet"),
        (["--out", "week.csv", "--kind", "drift"], 3, "jsonl"),
        (["--format", "parquet"], 3, "--out"),
        (["--out", "nowhere/week.csv"], 6, "nowhere"),
    ],
)
def test_a_wrong_export_is_one_clear_line(
    state: Path, capsys: pytest.CaptureFixture[str], options: list[str], status: int, said: str
) -> None:
    assert main(["buffer", "export", str(state), *options]) == status
    assert said in capsys.readouterr().err


def test_without_pyarrow_the_way_out_is_said(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert main(["buffer", "export", str(state), "--out", str(tmp_path / "week.parquet")]) == 10
    assert "pip install pyarrow" in capsys.readouterr().err


def test_the_commands_say_what_they_found(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["buffer", "stats", str(state), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["kinds"]["predictions"]["items"] == COUNT
    assert main(["buffer", "stats", str(state)]) == 0
    assert "1000 in 5 rows" in capsys.readouterr().out
    assert main(["buffer", "verify", str(state)]) == 0
    assert "sound; 1001" in capsys.readouterr().out
    assert main(["buffer", "vacuum", str(state)]) == 0
    damage(state, "predictions")
    assert main(["buffer", "verify", str(state)]) == 1
