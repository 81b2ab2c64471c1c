"""Programs on an emulated Raspberry Pi 4: see deploy/arm64/README.md."""

from __future__ import annotations

import os
import subprocess
from functools import lru_cache
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]
ROOT = PROJECT / "build" / "arm64" / "sysroot"
PYTHON = ROOT / "usr" / "bin" / "python3"
"""A program of this machine that starts the emulated Python; so do its child processes."""
EDGE = [PYTHON, "-m", "edge.cli.main"]


@lru_cache
def make_sysroot() -> None:
    """Once for all processes of the test run; nothing is done where it is up to date. AssertionError where it cannot
    be made.
    """
    done = subprocess.run([PROJECT / "deploy" / "arm64" / "sysroot.sh"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def runtimes() -> set[str]:
    """Those that the board has: tflite-runtime ends at Python 3.11, which is Debian 12's."""
    make_sysroot()
    return {"litert", "tflite-runtime"} if (PYTHON.parent / "python3.11").exists() else {"litert"}


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(PROJECT), "QEMU_CPU": "cortex-a72"}


def emulated(*words: str, timeout_s: float = 300) -> subprocess.CompletedProcess[str]:
    """Runs Python on the board. AssertionError, with all that it said, for a status other than 0."""
    make_sysroot()
    done = subprocess.run(
        [PYTHON, *words],
        env=environment(),
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done
