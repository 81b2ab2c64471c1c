"""``make demo-monitor`` as it stands in the Makefile, but for its duration."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.system


def test_the_demo_of_the_monitor_finds_its_drifts_and_ends() -> None:
    words = ["--devices", "20", "--interval", "2", "--web", "127.0.0.1:0", "--duration", "240"]
    done = subprocess.run(
        [sys.executable, "-m", "deploy.demo.fleet", *words],
        capture_output=True,
        text=True,
        timeout=290,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Open http://127.0.0.1:" in done.stdout
    assert "d00007 (sharpness)" in done.stdout
