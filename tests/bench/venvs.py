"""Other people's drift tools, each in a virtual environment of its own: their requirements exclude each other's.

They are made once and kept under build/venvs.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

EVIDENTLY = ("evidently==0.7.21", "pandas==2.3.3")
"""Evidently 0.7 does not import with pandas 3.1."""
ALIBI = ("alibi-detect==0.12.0",)
RIVER = ("river==0.22.0",)

FOLDER = Path("build") / "venvs"


def python_with(requirements: tuple[str, ...]) -> Path:
    """The Python of an environment that holds these; installs them when it is not there yet."""
    name = hashlib.sha256("\n".join((sys.version, *requirements)).encode()).hexdigest()[:12]
    folder = FOLDER.resolve() / f"{requirements[0].split('==')[0]}-{name}"
    done, python = folder / "installed", folder / "bin" / "python"
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
            command = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", *requirements]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            done.touch()
    return python


def run_in(requirements: tuple[str, ...], program: str, *arguments: str) -> Any:
    """What a program prints there as its last line, as JSON."""
    command = [str(python_with(requirements)), "-W", "ignore", "-c", program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{requirements[0]}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])
