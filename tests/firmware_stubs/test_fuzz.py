"""libFuzzer with AddressSanitizer and UndefinedBehaviorSanitizer against the whole controller, from the byte on."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from edge.gate.protocol import Hello, Pass, Reject, encode
from tests.firmware_stubs.building import build

pytestmark = pytest.mark.slow

SECONDS = int(os.environ.get("FUZZ_SECONDS", "30"))


def test_nothing_on_the_line_breaks_the_controller(tmp_path: Path) -> None:
    program = build("fuzz", "clang") / "fuzz"
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number, message in enumerate((Hello(1, 7), Reject(7, 0, 100), Pass(7, 1, 100))):
        (corpus / str(number)).write_bytes(b"\0" + encode(message, number))  # read as a stream of bytes
    done = subprocess.run(
        [program, "-seed=1", f"-max_total_time={SECONDS}", "-max_len=512", "-print_final_stats=1", corpus],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=SECONDS + 60,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    runs = re.search(r"number_of_executed_units: (\d+)", done.stderr)
    assert runs
    assert int(runs[1]) > 1000
