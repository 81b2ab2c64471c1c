"""A real external delegate, compiled from C."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def build_library(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """``build_library(Path("x.c"))``: the shared library made of one C file."""
    compiler = next((name for name in ("gcc", "clang", "tcc") if shutil.which(name)), None)
    assert compiler, "no C compiler; deploy/setup/packages.sh test installs one"

    def build(source: Path) -> Path:
        library = tmp_path_factory.mktemp("library") / f"lib{source.stem}.so"
        flags = ["-std=c11", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror"]
        subprocess.run([compiler, *flags, "-o", library, source], check=True)
        return library

    return build


@pytest.fixture(scope="session")
def delegate_library(build_library: Callable[[Path], Path]) -> Path:
    """Copies the first bytes of the input to the output; its options stand in the C file."""
    return build_library(Path(__file__).parent / "interpreter" / "delegate.c")
