"""Builds what the tests run, by the Makefile that a user would use."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "firmware_stubs"
OUT = ROOT / "build" / "firmware"


def build(target: str, *programs: str) -> Path:
    """Makes ``target`` and returns the folder of what was built; skips, or fails under CI, without ``programs``."""
    for program in programs:
        if not shutil.which(program):
            _missing(f"{program} is not installed; deploy/setup/packages.sh test installs it")
    OUT.mkdir(parents=True, exist_ok=True)
    with (OUT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several workers of one test run
        done = subprocess.run(
            ["make", "-C", SOURCES, f"BUILD={OUT}", target], capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr
    return OUT


def _missing(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(f"{reason}; nothing is skipped under CI")
    pytest.skip(reason)
