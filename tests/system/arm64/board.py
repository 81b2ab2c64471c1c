"""Programs on an emulated Raspberry Pi 4: see deploy/arm64/README.md."""

from __future__ import annotations

import compileall
import os
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]
EVERYTHING = os.environ.get("EDGE_ARM64") == "all"
"""``make test-arm64``: the whole core on a board with all that its tests import."""
ROOT = PROJECT / "build" / "arm64" / "sysroot"
PYTHON = ROOT / "usr" / "bin" / "python3"
"""A program of this machine that starts the emulated Python; so do its child processes."""
EDGE = [PYTHON, "-m", "edge.cli.main"]


@lru_cache
def make_sysroot() -> None:
    """Once for all processes of the test run; nothing is done where it is up to date. AssertionError where it cannot
    be made.
    """
    command = [str(PROJECT / "deploy" / "arm64" / "sysroot.sh"), *(["--all"] if EVERYTHING else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    if (PYTHON.parent / f"python{sys.version_info[0]}.{sys.version_info[1]}").exists():
        # Here it costs a fifth of what it costs the emulated Python, which takes it where the versions are the same.
        compileall.compile_dir(PROJECT / "edge", quiet=2)


def runtimes() -> set[str]:
    """Those that the board has: tflite-runtime ends at Python 3.11, which is Debian 12's."""
    make_sysroot()
    return {"litert", "tflite-runtime"} if (PYTHON.parent / "python3.11").exists() else {"litert"}


def environment() -> dict[str, str]:
    """This process's, for a program on the board, which keeps its bytecode whatever is said here."""
    ours = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    few = {} if EVERYTHING else {"EDGE_HYPOTHESIS": "few"}
    return ours | {"PYTHONPATH": str(PROJECT), "QEMU_CPU": "cortex-a72"} | few


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
