"""The durable local buffer, on real SQLite files."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.device.buffer import Buffer
from edge.errors import StateError
from edge.protocol.record import Record, unpack


def record(seq: int) -> Record:
    return Record(seq, seq * 1000, seq * 1000 + 7, 1500, 0.5, seq % 3, 0)


def fill(buffer: Buffer, count: int, start: int = 0) -> None:
    for seq in range(start, start + count):
        buffer.append(record(seq))


def test_records_are_there_after_a_commit_and_a_reopen(tmp_path: Path) -> None:
    buffer = Buffer(tmp_path / "b.db", model="m")
    fill(buffer, 1234)
    buffer.put("drift", 3, b"{}")
    buffer.close()
    again = Buffer(tmp_path / "b.db")
    assert [kept for _, kept in again.records()] == [record(seq) for seq in range(1234)]
    entries = again.pending(0, 100)
    assert [(entry.kind, entry.seq, entry.count) for entry in entries] == [
        ("drift", 3, 1),
        *(("predictions", seq, 200) for seq in range(0, 1200, 200)),
        ("predictions", 1200, 34),
    ]
    assert {entry.model for entry in entries} == {"m"}
    assert again.boot_id > entries[0].boot_id
    again.close()


def test_nothing_is_durable_before_its_commit_and_everything_after(tmp_path: Path) -> None:
    buffer = Buffer(tmp_path / "b.db", commit_records=10, commit_s=600)
    fill(buffer, 9)
    buffer.tick()
    assert buffer.pending(0, 10) == []
    fill(buffer, 1, start=9)
    buffer.tick()
    assert [entry.count for entry in buffer.pending(0, 10)] == [10]
    buffer.close()


def test_a_commit_comes_after_the_stated_time(tmp_path: Path) -> None:
    buffer = Buffer(tmp_path / "b.db", commit_s=0.05)
    fill(buffer, 1)
    buffer.tick()
    time.sleep(0.06)
    buffer.tick()
    assert buffer.state().pending == 1
    buffer.close()


def test_acknowledged_entries_leave_the_outbox_but_stay_in_the_buffer(tmp_path: Path) -> None:
    buffer = Buffer(tmp_path / "b.db")
    fill(buffer, 400)
    buffer.commit()
    first, second = buffer.pending(0, 10)
    buffer.acknowledge([first.id])
    assert [entry.id for entry in buffer.pending(0, 10)] == [second.id]
    buffer.commit()
    assert [entry.id for entry in buffer.pending(0, 10)] == [second.id]
    assert buffer.state().entries == 2
    assert buffer.state().pending == 1
    buffer.close()


def test_an_acknowledgement_is_durable(tmp_path: Path) -> None:
    buffer = Buffer(tmp_path / "b.db")
    fill(buffer, 10)
    buffer.commit()
    buffer.acknowledge([entry.id for entry in buffer.pending(0, 10)])
    buffer.close()
    again = Buffer(tmp_path / "b.db")
    assert again.pending(0, 10) == []
    again.close()


def test_predictions_stay_at_home_where_they_are_not_to_be_delivered(tmp_path: Path) -> None:
    buffer = Buffer(tmp_path / "b.db", deliver_predictions=False)
    fill(buffer, 10)
    buffer.put("drift", 0, b"{}")
    buffer.commit()
    assert [entry.kind for entry in buffer.pending(0, 10)] == ["drift"]
    assert buffer.state().entries == 2
    buffer.close()


def test_the_file_stays_below_its_cap_and_the_oldest_predictions_go_first(tmp_path: Path) -> None:
    buffer = Buffer(tmp_path / "b.db", cap_bytes=1 << 20, commit_records=500)
    buffer.put("drift", 0, b"{}")
    for start in range(0, 100_000, 500):
        fill(buffer, 500, start)
        buffer.tick()
    kept = [kept.seq for _, kept in buffer.records()]
    state = buffer.state()
    assert (tmp_path / "b.db").stat().st_size <= 1 << 20
    assert kept == list(range(kept[0], 100_000))
    assert state.evicted == kept[0]
    assert state.lost == 0
    assert "drift" in {entry.kind for entry in buffer.pending(0, 10_000)}
    buffer.close()


def test_predictions_make_room_before_audits_and_audits_before_drift_windows(tmp_path: Path) -> None:
    buffer = Buffer(tmp_path / "b.db", cap_bytes=300_000, commit_s=600)
    chance, kinds = random.Random(5), ("drift", "audit", "predictions")
    seen: list[dict[str, int]] = []
    for number in range(400):
        if number < 60:
            fill(buffer, 200, number * 200)
            buffer.put("audit", number, chance.randbytes(1500))
        buffer.put("drift", number, chance.randbytes(1500))
        buffer.commit()
        counts = Counter(entry.kind for entry in buffer.pending(0, 10_000))
        seen.append({kind: counts[kind] for kind in kinds})
    assert buffer.state().lost_messages == 0
    assert all(now["audit"] >= before["audit"] or now["predictions"] <= 1 for before, now in pairwise(seen))
    assert all(now["drift"] > before["drift"] or now["audit"] == 0 for before, now in pairwise(seen))
    assert seen[-1]["drift"] < 400
    state = buffer.state()
    assert (state.entries, state.pending) == (sum(seen[-1].values()), sum(seen[-1].values()))
    buffer.close()


def test_a_message_is_pending_before_its_commit_and_never_twice(tmp_path: Path) -> None:
    buffer = Buffer(tmp_path / "b.db", commit_s=600)
    buffer.put("drift", 0, b"{}")
    (entry,) = buffer.pending(0, 10)
    assert (entry.kind, entry.payload, entry.id > buffer.last_id()) == ("drift", b"{}", True)
    buffer.commit()
    assert buffer.pending(0, 10) == [entry]
    buffer.put("drift", 1, b"{}")
    buffer.acknowledge([other.id for other in buffer.pending(entry.id, 10)])
    buffer.commit()
    assert [kept.seq for kept in buffer.pending(0, 10)] == [0]
    assert buffer.state().entries == 2
    buffer.close()


def test_no_entry_appears_behind_what_was_called_the_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    buffer, seen = Buffer(tmp_path / "b.db"), list[tuple[int, int]]()
    insert = buffer._file._insert

    def watched(db: sqlite3.Connection, head: tuple[int, ...], *rest: Any) -> None:
        seen.append((buffer.last_id(), head[0]))
        insert(db, head, *rest)

    monkeypatch.setattr(buffer._file, "_insert", watched)
    for start in range(0, 2000, 500):
        fill(buffer, 500, start)
        buffer.commit()
    assert len(seen) == 12
    assert all(last < coming for last, coming in seen)
    assert buffer.last_id() == seen[-1][1]
    buffer.close()


def test_the_oldest_records_are_lost_and_counted_when_the_disk_refuses_for_too_long(tmp_path: Path) -> None:
    buffer = Buffer(tmp_path / "b.db", waiting_records=100)
    other = sqlite3.connect(tmp_path / "b.db", isolation_level=None)
    buffer._file.open().execute("PRAGMA busy_timeout=10")
    other.execute("BEGIN IMMEDIATE")
    fill(buffer, 250)
    buffer.commit()
    assert "locked" in buffer.trouble
    other.execute("ROLLBACK")
    other.close()
    buffer.commit()
    assert [kept.seq for _, kept in buffer.records()] == list(range(150, 250))
    assert (buffer.state().lost, buffer.trouble) == (150, "")
    buffer.close()


def test_a_file_that_was_moved_away_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "b.db"
    buffer = Buffer(path)
    fill(buffer, 10)
    buffer.commit()
    assert len(buffer.pending(0, 10)) == 1
    path.rename(tmp_path / "elsewhere.db")
    fill(buffer, 5, start=10)
    buffer.commit()
    assert [kept.seq for _, kept in buffer.records()] == list(range(10, 15))
    assert [entry.seq for entry in buffer.pending(0, 10)] == [10]
    assert {boot for boot, _ in buffer.records()} == {buffer.boot_id}
    buffer.close()


def test_the_clock_that_was_set_is_noted_for_the_whole_boot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = Buffer(tmp_path / "b.db")
    fill(buffer, 3)
    buffer.put("drift", 0, b"{}")
    buffer.commit()
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + 10**13)
    fill(buffer, 3, start=3)
    buffer.commit()
    entries = buffer.pending(0, 10)
    offsets = {entry.offset_ns for entry in entries}
    drift = next(entry for entry in entries if entry.kind == "drift")
    assert len(offsets) == 1
    assert {type(entry.synchronized) for entry in entries} <= {bool, type(None)}
    assert abs(offsets.pop() - (drift.made_offset_ns or 0) - 10**13) < 10**9  # type: ignore[operator]
    buffer.close()


def test_a_damaged_file_is_set_aside_and_a_new_one_begun(tmp_path: Path) -> None:
    path = tmp_path / "b.db"
    buffer = Buffer(path)
    fill(buffer, 5000)
    buffer.close()
    data = bytearray(path.read_bytes())
    data[4096:40960] = os.urandom(36864)
    path.write_bytes(bytes(data))
    again = Buffer(path)
    assert again.set_aside is not None
    assert again.set_aside.exists()
    assert list(again.records()) == []
    fill(again, 3)
    again.close()
    assert Buffer(path).set_aside is None


def test_a_file_that_is_no_database_is_set_aside_whole(tmp_path: Path) -> None:
    path = tmp_path / "b.db"
    path.write_bytes(b"this is not a database at all, sorry" * 200)
    buffer = Buffer(path)
    assert buffer.set_aside is not None
    assert buffer.set_aside.read_bytes().startswith(b"this is not")
    buffer.close()


def test_a_state_folder_that_is_a_file_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(StateError, match="cannot be opened for writing"):
        Buffer(tmp_path / "state" / "b.db")


def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    Buffer(tmp_path / "b.db").close()
    with sqlite3.connect(tmp_path / "b.db") as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(StateError, match="newer edgeline"):
        Buffer(tmp_path / "b.db")
    assert [path.name for path in tmp_path.iterdir() if "damaged" in path.name] == []


def test_a_disk_that_refuses_loses_nothing_while_it_recovers(tmp_path: Path) -> None:
    buffer = Buffer(tmp_path / "b.db")
    other = sqlite3.connect(tmp_path / "b.db", isolation_level=None)
    buffer._file.open().execute("PRAGMA busy_timeout=10")
    other.execute("BEGIN IMMEDIATE")
    fill(buffer, 20)
    buffer.commit()
    other.execute("ROLLBACK")
    other.close()
    fill(buffer, 5, start=20)
    buffer.commit()
    assert [kept.seq for _, kept in buffer.records()] == list(range(25))
    buffer.close()


def test_another_thread_can_read_and_acknowledge_while_records_are_written(tmp_path: Path) -> None:
    buffer = Buffer(tmp_path / "b.db", commit_records=50, commit_s=0.01)
    seen: list[int] = []
    done = threading.Event()

    def deliver() -> None:
        while not (done.is_set() and not buffer.pending(0, 1)):
            for entry in buffer.pending(0, 7):
                seen.extend(kept.seq for kept in unpack(entry.payload))
                buffer.acknowledge([entry.id])

    thread = threading.Thread(target=deliver)
    thread.start()
    for start in range(0, 5000, 50):
        fill(buffer, 50, start)
        buffer.tick()
    buffer.commit()
    done.set()
    thread.join(10)
    assert not thread.is_alive()
    assert seen == list(range(5000))
    buffer.close()


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["append", "commit", "acknowledge", "reopen"]), max_size=30))
def test_every_committed_record_is_there_once_whatever_happens(tmp_path: Path, steps: list[str]) -> None:
    path = tmp_path / f"{time.monotonic_ns()}.db"
    buffer, count = Buffer(path), 0
    for step in steps:
        if step == "append":
            fill(buffer, 7, count)
            count += 7
        elif step == "commit":
            buffer.commit()
        elif step == "acknowledge":
            buffer.acknowledge([entry.id for entry in buffer.pending(0, 1)])
        else:
            buffer.close()
            buffer = Buffer(path)
    buffer.commit()
    assert [kept.seq for _, kept in buffer.records()] == list(range(count))
    buffer.close()


def test_kill_9_loses_only_what_was_not_committed(tmp_path: Path) -> None:
    program = textwrap.dedent(
        """
        import sys, pathlib
        from edge.device.buffer import Buffer
        from edge.protocol.record import Record
        buffer = Buffer(pathlib.Path(sys.argv[1]), commit_records=100, commit_s=600)
        for seq in range(10**9):
            buffer.append(Record(seq, 0, 0, 0, 0.0, 0, 0))
            if seq % 100 == 99:
                buffer.tick()
                print(seq + 1, flush=True)
        """
    )
    path = tmp_path / "b.db"
    child = subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    committed = [int(child.stdout.readline()) for _ in range(30)][-1]
    child.send_signal(signal.SIGKILL)
    committed = max([committed, *map(int, child.stdout.read().split())])
    child.wait()
    buffer = Buffer(path)
    kept = [kept.seq for _, kept in buffer.records()]
    assert buffer.set_aside is None
    assert kept == list(range(len(kept)))
    assert committed <= len(kept) <= committed + 100
    buffer.close()
