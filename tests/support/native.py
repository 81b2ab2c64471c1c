"""Compiles the small C libraries that tests load or preload into a process."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from pathlib import Path

import pytest

# The first serves the emulated board too: its own processor's compiler, though it runs on this machine.
_COMPILERS = (f"{platform.machine()}-linux-gnu-gcc", "gcc", "clang", "tcc")


def compile_library(source: Path, folder: Path) -> Path:
    """Compiles one C file to ``folder/libNAME.so``. Without a compiler the test is skipped; under CI it fails."""
    compiler = next(filter(None, map(shutil.which, _COMPILERS)), None)
    if compiler is None:
        reason = "no C compiler; deploy/setup/packages.sh test installs one"
        if os.environ.get("CI"):
            pytest.fail(f"{reason}; nothing is skipped under CI")
        pytest.skip(reason)
    library = folder / f"lib{source.stem}.so"
    flags = ["-shared", "-fPIC", "-Wall", "-Wextra", "-Werror"]
    subprocess.run([compiler, *flags, "-o", library, source, "-ldl", "-lpthread"], check=True)
    return library
