"""Small C libraries that tests preload into a process."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest


def preloadable(source: Path, folder: Path) -> Path:
    """The library. Without a compiler the test is skipped; under CI that is an error."""
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "tcc", "clang"))), None)
    if compiler is None:
        reason = "no C compiler for a library that the test preloads; apt install tcc libc6-dev"
        if os.environ.get("CI"):
            pytest.fail(f"{reason}; nothing is skipped under CI")
        pytest.skip(reason)
    library = folder / f"{source.stem}.so"
    command = [compiler, "-shared", "-fPIC", "-o", str(library), str(source), "-ldl", "-lpthread"]
    subprocess.run(command, check=True, capture_output=True)
    return library
