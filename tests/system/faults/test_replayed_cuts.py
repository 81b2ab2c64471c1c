"""Power cuts without root: every write of a recording process is logged, and the disk of any moment built from it.

Harder than a real disk in one way: what was not confirmed may be there in any combination of sectors.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from edge.device.buffer import Buffer
from tests.support.native import compile_library
from tests.system.faults.write_log import after_a_cut, read_log

pytestmark = pytest.mark.system

CUTS = 200
RECORDER = """
import sys, pathlib
from edge.device.buffer import Buffer
from edge.protocol.record import Record
folder = pathlib.Path(sys.argv[1])
notes = (folder / "acknowledged").open("wb", buffering=0)
buffer = Buffer(folder / "buffer.db", commit_records=50, commit_s=600, cap_bytes=70_000)
for seq in range(9_000):
    buffer.append(Record(seq, seq, seq, seq % 1009, seq % 97 / 97, 0, 0))
    if seq % 997 == 996:
        buffer.put("drift", seq, bytes(range(256)) * 8)
        buffer.acknowledge([entry.id for entry in buffer.pending(0, 5)])
    buffer.tick()
    if buffer.committed == seq + 1:
        notes.seek(0)
        notes.write(buffer.committed.to_bytes(8, "little"))
"""


def test_whatever_a_cut_leaves_of_the_unconfirmed_the_acknowledged_is_whole(tmp_path: Path) -> None:
    library, root, log = (
        compile_library(Path(__file__).with_name("write_log.c"), tmp_path),
        tmp_path / "root",
        tmp_path / "log",
    )
    root.mkdir()
    environment = os.environ | {"LD_PRELOAD": str(library), "WRITE_LOG_ROOT": str(root), "WRITE_LOG": str(log)}
    subprocess.run([sys.executable, "-c", RECORDER, str(root)], env=environment, check=True)
    operations = read_log(log)
    assert {operation.kind for operation in operations} >= {"w", "s"}
    assert sum(operation.kind == "s" for operation in operations) > 180
    chance, evicted = random.Random(1), 0
    for number in range(CUTS):
        until = chance.randrange(len(operations))
        notes = [op for op in operations[:until] if op.name == "acknowledged"]
        acknowledged = int.from_bytes(notes[-1].data, "little") if notes else 0
        folder = tmp_path / f"cut{number}"
        after_a_cut([op for op in operations[:until] if op.name != "acknowledged"], chance, folder)
        with closing(Buffer(folder / "buffer.db", cap_bytes=70_000)) as buffer:
            assert buffer.set_aside is None
            seqs = [record.seq for _, record in buffer.records()]
            evicted += buffer.state().evicted > 0
        assert seqs == (list(range(seqs[0], seqs[0] + len(seqs))) if seqs else []), number
        assert seqs or acknowledged == 0, number
        assert acknowledged <= (seqs[-1] + 1 if seqs else 0) <= acknowledged + 50
    assert evicted > CUTS // 10
