"""What a day of recording does to an SD card, counted at the block device.

Four ways to keep the same decisions, each in a process on an ext4 image of its own, at the same time and in real
time: the file system notes what it does in its own journal every five seconds, and a faster run would hide that.
"""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from edge.device.buffer import Buffer
from edge.protocol.record import Record
from tests.bench.setting import Setting
from tests.bench.timing import Row
from tests.support.disks import Disk, device_bytes

PER_S, LOSS_S, DAY_S = 30, 5.0, 86_400
WARM_UP_RECORDS = 300_000
"""Fills the log and some of the file, so that what is measured is the steady state."""
MEASURE_S = float(os.environ.get("EDGE_BENCH_WEAR_S", "90"))
WINDOW, DRIFT_BYTES, STATS_BYTES = 200, 2500, 10_700
"""Parts in a drift window, and the size of what it leaves behind."""
MAX_GB = 0.4


def rows(setting: Setting) -> Iterator[Row]:
    """Nothing without root and loop devices: there is no block device to count at."""
    if os.geteuid() != 0:
        return
    found = {name: gb * 1.0 for name, gb in measure(setting.folder).items()}
    seen = f"GB a day at the block device, {PER_S}/s, {LOSS_S:.0f} s loss window"
    for other in ("one row, one commit", "persist-queue"):
        ours = found["buffer"]
        yield Row(f"{seen}, against {other}", ours, found[other], "GB", f"≤ {MAX_GB} GB", ours <= MAX_GB)
    yield Row(f"{seen}, with drift windows", found["buffer and windows"], None, "GB", "first figure", True)


def measure(folder: Path) -> dict[str, float]:
    """GB a day of each way."""
    disks = {name: Disk(folder / f"wear{number}", 512) for number, name in enumerate(WAYS)}
    command = [sys.executable, "-m", "tests.bench.wear"]
    try:
        children = {
            name: subprocess.Popen([*command, name, str(disk.root)], stdout=subprocess.PIPE, text=True)
            for name, disk in disks.items()
        }
        found = {}
        for name, child in children.items():
            out, _ = child.communicate()
            if child.returncode:
                raise RuntimeError(f"{name} failed")
            found[name] = float(out)
        return found
    finally:
        for disk in disks.values():
            disk.close()


def decisions() -> Iterator[Record]:
    """As a line makes them, with the noise of real clocks and scores."""
    chance, seq = random.Random(1), 0
    while True:
        captured_ns = 10**13 + seq * 10**9 // PER_S + int(chance.gauss(0, 300_000))
        wall_ns = 17 * 10**17 + captured_ns + int(chance.gauss(0, 200))
        latency_us = int(abs(chance.gauss(9000, 800)))
        yield Record(seq, captured_ns, wall_ns, latency_us, chance.randrange(128, 256) / 256, seq % 5, 0, 0, seq, 0)
        seq += 1


def buffered(folder: Path, windows: bool = False) -> Callable[[Record, bool], None]:
    buffer, chance = Buffer(folder / "buffer.db", model="cookie", commit_s=LOSS_S), random.Random(2)

    def keep(record: Record, warm: bool) -> None:
        buffer.append(record)
        if windows and record.seq % WINDOW == WINDOW - 1:
            for kind, size in (("drift", DRIFT_BYTES), ("stats", STATS_BYTES)):
                # Digits compress about as well as these messages do, to a fifth.
                buffer.put(kind, record.seq, bytes(chance.choices(b"0001", k=size)))
        if record.seq % (PER_S * LOSS_S) == 0:
            buffer.acknowledge([entry.id for entry in buffer.pending(0, 64)])
            if warm:
                buffer.commit()
        if not warm:
            buffer.tick()

    return keep


def one_row_one_commit(folder: Path) -> Callable[[Record, bool], None]:
    db = sqlite3.connect(folder / "rows.db")
    db.execute(f"CREATE TABLE record (id INTEGER PRIMARY KEY, {', '.join(Record._fields)})")
    marks = ", ".join("?" * len(Record._fields))

    def keep(record: Record, warm: bool) -> None:
        db.execute(f"INSERT INTO record ({', '.join(Record._fields)}) VALUES ({marks})", record)
        db.commit()

    return keep


def persist_queue(folder: Path) -> Callable[[Record, bool], None]:
    from persistqueue import SQLiteQueue

    queue = SQLiteQueue(str(folder / "queue"), auto_commit=True)
    return lambda record, warm: queue.put(tuple(record))


WAYS: dict[str, Callable[[Path], Callable[[Record, bool], None]]] = {
    "buffer": buffered,
    "buffer and windows": lambda folder: buffered(folder, windows=True),
    "one row, one commit": one_row_one_commit,
    "persist-queue": persist_queue,
}


def _child(name: str, root: Path) -> float:
    keep, records = WAYS[name](root), decisions()
    for _ in range(WARM_UP_RECORDS if name.startswith("buffer") else 300):
        keep(next(records), True)
    os.sync()
    began, before = time.monotonic(), device_bytes(root)
    for number in range(int(MEASURE_S * PER_S)):
        time.sleep(max(0.0, began + number / PER_S - time.monotonic()))
        keep(next(records), False)
    return (device_bytes(root) - before) / (time.monotonic() - began) * DAY_S / 1e9


if __name__ == "__main__":
    sys.stdout.write(f"{_child(sys.argv[1], Path(sys.argv[2]))}\n")
