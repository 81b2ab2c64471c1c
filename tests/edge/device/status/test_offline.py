"""What a state folder tells after its daemon has gone, and that looking changes nothing."""

from __future__ import annotations

import multiprocessing
import os
from contextlib import closing
from pathlib import Path

import pytest

from edge.device.buffer import Buffer
from edge.device.status import look_into
from edge.errors import StateError
from edge.protocol.record import Record


def fill(folder: Path, count: int = 7) -> Buffer:
    buffer = Buffer(folder / "buffer.db", model="cookie")
    for seq in range(count):
        buffer.append(Record(seq, seq, 10**18 + seq, 1, 0.5, 0, 0))
    buffer.put("drift", 0, b"{}")
    buffer.commit()
    return buffer


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.endswith("-shm")}


def test_the_last_boot_the_last_decision_and_what_waits(tmp_path: Path) -> None:
    fill(tmp_path).close()
    with closing(fill(tmp_path, 3)) as buffer:
        boot_id = buffer.boot_id
    remains = look_into(tmp_path)
    assert remains is not None
    assert (remains.boots, remains.boot_id, remains.model) == (2, boot_id, "cookie")
    assert remains.last_decision_ns == 10**18 + 2
    assert (remains.entries, remains.pending, remains.evicted, remains.damaged) == (4, 4, 0, 0)
    assert remains.bytes == (tmp_path / "buffer.db").stat().st_size


def test_where_no_daemon_has_run_there_is_nothing(tmp_path: Path) -> None:
    assert look_into(tmp_path) is None
    assert look_into(tmp_path / "none") is None


def test_looking_leaves_a_closed_folder_as_it_was(tmp_path: Path) -> None:
    fill(tmp_path).close()
    before = files(tmp_path)
    tmp_path.chmod(0o555)
    try:
        assert look_into(tmp_path) is not None
    finally:
        tmp_path.chmod(0o755)
    assert files(tmp_path) == before
    assert not (tmp_path / "buffer.db-shm").exists()


def _die(folder: Path) -> None:
    fill(folder)
    os._exit(9)


def test_what_a_killed_daemon_committed_is_told_and_nothing_is_changed(tmp_path: Path) -> None:
    process = multiprocessing.get_context("fork").Process(target=_die, args=(tmp_path,))
    process.start()
    process.join(20)
    before = files(tmp_path)
    assert "buffer.db-wal" in before
    remains = look_into(tmp_path)
    assert remains is not None
    assert (remains.entries, remains.last_decision_ns) == (2, 10**18 + 6)
    assert remains.bytes == len(before["buffer.db"]) + len(before["buffer.db-wal"])
    assert files(tmp_path) == before


def test_a_buffer_that_was_set_aside_is_told(tmp_path: Path) -> None:
    fill(tmp_path).close()
    (tmp_path / "buffer.db").write_bytes(b"noise" * 1000)
    fill(tmp_path).close()
    remains = look_into(tmp_path)
    assert remains is not None
    assert remains.damaged == 1


@pytest.mark.parametrize("content", [b"", b"noise" * 1000])
def test_a_buffer_that_cannot_be_read_is_one_clear_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "buffer.db").write_bytes(content)
    with pytest.raises(StateError, match=r"buffer\.db: cannot be read"):
        look_into(tmp_path)
