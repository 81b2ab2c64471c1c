"""What the process writes, as a figure."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from edge.device.buffer.wear import DAY_S, Wear, written_bytes


def test_the_rate_is_that_of_the_last_hour() -> None:
    now, written = 0.0, 1000
    wear = Wear(lambda: written, lambda: now)
    assert wear.bytes_per_day() is None
    now = 59.0
    assert wear.bytes_per_day() is None
    for minute in range(1, 121):
        now, written = minute * 60.0, written + (60 if minute <= 60 else 600)
        rate = wear.bytes_per_day()
    assert rate is not None
    assert abs(rate - 10 * DAY_S) < DAY_S


def test_what_reaches_the_disk_is_counted() -> None:
    before = written_bytes()
    assert before is not None
    # Beside the project: the folder for temporary files may be memory.
    with tempfile.TemporaryFile(dir=Path(__file__).parent) as file:
        file.write(os.urandom(1 << 20))
        file.flush()
        os.fsync(file.fileno())
    after = written_bytes()
    assert after is not None
    assert 1 << 20 <= after - before < 3 << 20


def test_where_nobody_counts_nothing_is_said(tmp_path: Path) -> None:
    assert written_bytes(tmp_path / "nothing") is None
    assert Wear(lambda: None).bytes_per_day() is None
