"""The power is cut under the running daemon, on a real ext4, at random moments."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from edge.device.buffer import Buffer
from edge.protocol.record import Record
from tests.support.disks import Disk
from tests.system.faults.load import Device, Load

pytestmark = pytest.mark.system

RUNS, CUTS = 9, 20
"""180 cuts under a process that records a hundred times as fast as a line does …"""
DAEMONS, DAEMON_CUTS = 4, 5
"""… and 20 under the whole ``edge run``."""
RESTART_S = 2.0
DAEMON_COMMIT_S = 0.4


@pytest.fixture
def disk(make_disk: Callable[..., Disk]) -> Disk:
    return make_disk()


@pytest.mark.parametrize("run", range(RUNS))
def test_nothing_acknowledged_is_lost_and_no_database_damaged(disk: Disk, run: int) -> None:
    chance, kept_before = random.Random(run), Counter[str]()
    for _ in range(CUTS):
        commit_s = chance.choice([0.01, 0.03, 0.1])
        load = Load(disk.root / "state" / "buffer.db", commit_s, chance.choice([20, 200, 10_000]))
        device = Device(load)
        time.sleep(chance.uniform(0.0, 0.25))
        made, cutting_ns = device.made(), time.monotonic_ns()
        disk.cut_power()
        # A commit that was under way may still return, which without power it could not.
        notes = [note for note in device.kill() if note.at_ns < cutting_ns]
        kept = kept_after_restart(disk, load.path)
        acknowledged = kept_before + Counter({notes[-1].boot_id: notes[-1].committed} if notes else {})
        counts = Counter(boot_id for boot_id, _ in kept)
        lost = {boot_id: (n, counts[boot_id]) for boot_id, n in acknowledged.items() if counts[boot_id] < n}
        assert not lost, f"{lost} {notes[-3:]} {load}"
        if notes and (seqs := [record.seq for boot_id, record in kept if boot_id == notes[-1].boot_id]):
            assert seqs == list(range(len(seqs)))
            # The last commit took one turn at most, and the next was due in the turn under way commit_s later.
            assert made.newest_ns - kept[-1][1].captured_ns <= commit_s * 1e9 + 2 * made.longest_turn_ns
        kept_before = counts


def kept_after_restart(disk: Disk, path: Path) -> list[tuple[str, Record]]:
    """What the next start of the buffer finds, which must be sound and soon there."""
    disk.unmount()
    disk.mount()
    began = time.monotonic()
    with closing(Buffer(path)) as buffer:
        assert time.monotonic() - began < RESTART_S
        assert buffer.set_aside is None
        assert buffer.trouble == ""
        kept = list(buffer.records())
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert not list(path.parent.glob("*damaged*"))
    return kept


@pytest.fixture
def edge_run(write_config: Callable[..., Path], disk: Disk) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """``edge run`` with its state on the disk."""
    config = write_config(
        source="sim://line?width=64&height=48&fps=200",
        policy="latest",
        state=f"{disk.root}/state",
        extra=f"[buffer]\ncommit_s = {DAEMON_COMMIT_S}",
    )
    daemons: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        with (config.parent / "edge.log").open("ab") as log:
            command = [sys.executable, "-m", "edge.cli.main", "run", "-c", str(config)]
            daemons.append(subprocess.Popen(command, stdout=log, stderr=log))
        return daemons[-1]

    yield start
    for daemon in daemons:
        daemon.kill()
        daemon.wait()


@pytest.mark.parametrize("run", range(DAEMONS))
def test_the_whole_daemon_loses_its_window_at_most(
    disk: Disk, edge_run: Callable[[], subprocess.Popen[bytes]], run: int
) -> None:
    path, chance = disk.root / "state" / "buffer.db", random.Random(100 + run)
    acknowledged: Counter[str] = Counter()
    for _ in range(DAEMON_CUTS):
        daemon, boots = edge_run(), len(acknowledged)
        until = time.monotonic() + 30
        while len(acknowledged := committed(path)) == boots:
            assert daemon.poll() is None
            assert time.monotonic() < until
            time.sleep(0.02)
        time.sleep(chance.uniform(0.0, 2 * DAEMON_COMMIT_S))
        acknowledged = committed(path)
        cut_ns = time.monotonic_ns()
        disk.cut_power()
        daemon.kill()
        daemon.wait()
        kept = kept_after_restart(disk, path)
        counts = Counter(boot_id for boot_id, _ in kept)
        assert all(counts[boot_id] >= count for boot_id, count in acknowledged.items())
        seqs = [record.seq for boot_id, record in kept if boot_id == kept[-1][0]]
        assert seqs == sorted(set(seqs))
        assert (cut_ns - kept[-1][1].captured_ns) / 1e9 < DAEMON_COMMIT_S + 1.0
        acknowledged = counts


def committed(path: Path) -> Counter[str]:
    """Records of each boot that a reader of the running daemon's buffer sees: SQLite shows them after the fsync."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            rows = db.execute("SELECT boot_id, sum(count) FROM entry WHERE kind = 'predictions' GROUP BY boot_id")
            return Counter(dict(rows.fetchall()))
    except sqlite3.OperationalError:
        return Counter()
