"""A disk that takes no more, on real small file systems: the line goes on, and nothing is lost that memory holds."""

from __future__ import annotations

import itertools
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from edge.device.buffer import Buffer
from edge.errors import StateError
from edge.protocol.record import Record
from tests.support.daemon import Daemon, wait_until
from tests.support.disks import Disk, fill_up, use_up_inodes
from tests.support.outputs import TcpCoil

pytestmark = pytest.mark.system

COMMIT_S = 0.2


def record(seq: int) -> Record:
    return Record(seq, seq * 1_000_003, seq, seq * 7919 % 100_003, seq % 89 / 89, 0, 0)


@pytest.fixture
def config_on(write_config: Callable[..., Path]) -> Callable[..., Path]:
    def write(disk: Disk, frames: int) -> Path:
        return write_config(
            source=f"sim://line?width=64&height=48&fps=100&count={frames}",
            policy="every",
            state=f"{disk.root}/state",
            extra=f"[buffer]\ncommit_s = {COMMIT_S}\n",
        )

    return write


def check_all_kept(report: dict[str, Any], path: Path) -> None:
    assert report["captured"] == report["decided"] + sum(report["dropped"].values())
    assert report["lost"] == 0
    assert report["buffered"] == report["decided"] > 0
    with closing(Buffer(path)) as buffer:
        assert buffer.set_aside is None
        seqs = [kept.seq for boot_id, kept in buffer.records() if boot_id == report["boot_id"]]
    assert len(seqs) == len(set(seqs)) == report["decided"]


def test_the_line_goes_on_while_the_disk_is_full_and_all_is_kept_when_there_is_room(
    make_disk: Callable[..., Disk], config_on: Callable[..., Path], start: Callable[..., Daemon]
) -> None:
    disk = make_disk(megabytes=8)
    daemon = start(config_on(disk, 500))
    daemon.wait_for("judging")
    time.sleep(0.5)
    filler = fill_up(disk)
    daemon.wait_for("not written")
    full_ns = time.monotonic_ns()
    time.sleep(1.5)
    free_ns = time.monotonic_ns()
    filler.unlink()
    daemon.wait_for("can be written again")
    report = daemon.report()
    path = disk.root / "state" / "buffer.db"
    check_all_kept(report, path)
    with closing(Buffer(path)) as buffer:
        stamps = [found.captured_ns for _, found in buffer.records() if full_ns < found.captured_ns < free_ns]
    assert len(stamps) > 10
    assert max(later - earlier for earlier, later in itertools.pairwise([full_ns, *stamps, free_ns])) < 0.7e9
    assert daemon.log.read_text().count("not written") == 1


def test_what_memory_cannot_hold_is_lost_oldest_first_and_counted(make_disk: Callable[..., Disk]) -> None:
    disk = make_disk(megabytes=8)
    buffer = Buffer(disk.root / "buffer.db", commit_s=600, waiting_records=5000)
    for seq in range(1000):
        buffer.append(record(seq))
    buffer.commit()
    filler, seq = fill_up(disk), 1000
    while not buffer.trouble:  # the log has some room of its own
        for _ in range(200):
            buffer.append(record(seq))
            seq += 1
        buffer.commit()
    kept = buffer.committed
    for _ in range(10_000):
        buffer.append(record(seq))
        seq += 1
    buffer.commit()
    assert "full" in buffer.trouble
    assert buffer.state().lost == seq - kept - 5000
    filler.unlink()
    buffer.commit()
    assert buffer.trouble == ""
    assert [found.seq for _, found in buffer.records()] == [*range(kept), *range(seq - 5000, seq)]
    buffer.close()


@pytest.mark.parametrize("trouble", ["no space", "no inodes", "read only"])
def test_a_device_that_starts_on_such_a_disk_judges_and_keeps_all_when_it_recovers(
    make_disk: Callable[..., Disk], config_on: Callable[..., Path], start: Callable[..., Daemon], trouble: str
) -> None:
    disk = make_disk(megabytes=8, inodes=64)
    start(config_on(disk, 20)).report()
    if trouble == "no space":
        fill_up(disk)
    elif trouble == "no inodes":
        use_up_inodes(disk)
    else:
        disk.remount("ro")
    daemon = start(config_on(disk, 300))
    daemon.wait_for("not written")
    daemon.wait_for("judging")
    time.sleep(0.5)
    if trouble == "read only":
        disk.remount("rw")
    for path in disk.root.glob("[fi]*[0-9r]"):
        path.unlink()
    daemon.wait_for("can be written again")
    check_all_kept(daemon.report(), disk.root / "state" / "buffer.db")


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_no_output_is_left_on_while_the_disk_is_full(
    make_disk: Callable[..., Disk],
    config_on: Callable[..., Path],
    start: Callable[..., Daemon],
    tmp_path: Path,
    ending: int,
) -> None:
    disk, coil = make_disk(megabytes=8), TcpCoil(tmp_path)

    def begin(reject: list[str]) -> Daemon:
        path = config_on(disk, 1 << 20)
        path.write_text(
            path.read_text().replace('"sim://"', f'"{coil.gate}"').replace("reject = []", f"reject = {reject}")
        )
        return start(path)

    daemon = begin(["red", "green", "blue"])
    daemon.wait_for("judging")
    fill_up(disk)
    daemon.wait_for("not written")
    wait_until(coil.is_on, 60)
    daemon.process.send_signal(ending)
    daemon.process.wait(60)
    if ending == signal.SIGKILL:
        assert coil.is_on(), "else this is no test"
        begin([])
    wait_until(lambda: not coil.is_on(), 60)
    coil.close()


@pytest.mark.parametrize("fault", ["error", "shutdown"])
def test_a_disk_that_fails_and_is_mounted_again_gets_what_waited(make_disk: Callable[..., Disk], fault: str) -> None:
    """``error``: the kernel finds a fault in the file system and makes it read only, as on a worn card."""
    disk = make_disk(megabytes=16)
    disk.remount("errors=remount-ro")
    path = disk.root / "state" / "buffer.db"
    buffer = Buffer(path, commit_s=600)
    for seq in range(100):
        buffer.append(record(seq))
    buffer.commit()
    assert len(buffer.pending(0, 10)) == 1
    disk.cut_power() if fault == "shutdown" else disk.trigger_error()
    for seq in range(100, 300):
        buffer.append(record(seq))
    buffer.commit()
    assert buffer.trouble
    assert buffer.pending(0, 10) == []
    disk.unmount(lazy=True)
    disk.repair()
    disk.mount()
    buffer.commit()
    assert buffer.trouble == ""
    assert Counter(found.seq for _, found in buffer.records()) == Counter(range(300))
    assert len({boot_id for boot_id, _ in buffer.records()}) == 1
    assert sum(entry.count for entry in buffer.pending(0, 100)) == 300
    buffer.close()


def test_a_folder_that_this_user_may_not_write_is_an_error_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="cannot be opened"):
        Buffer(tmp_path / "file" / "buffer.db")
