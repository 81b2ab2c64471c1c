"""Ten thousand random sequences of faults against a coil: how many leave it on."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.setting import Setting
from tests.bench.timing import Row

SEQUENCES = 10_000
TEST = Path(__file__).parents[1] / "edge" / "gate" / "test_fault_sequences.py"


def rows(setting: Setting) -> Iterator[Row]:
    """The test, with more sequences than it has time for in the suite."""
    began = time.monotonic()
    environment = os.environ | {"EDGE_FAULT_SEQUENCES": str(SEQUENCES)}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--timeout=1800", "--show-capture=no", str(TEST)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    holds = done.returncode == 0
    if not holds:
        sys.stderr.write(done.stdout)
    name = f"gate: sequences of faults that left it on, of {SEQUENCES} ({time.monotonic() - began:.0f} s)"
    yield Row(name, float(not holds), None, "", "none", holds)
