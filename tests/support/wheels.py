"""A folder with the SDK's wheel and everything that it needs on this machine's own Python."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "build" / "device"
PYTHON = "/usr/bin/python3"
"""What install.sh uses."""
PACKED = ("edge", "converter", "pyproject.toml", "README.md", "LICENSE")


def fill_wheelhouse(folder: Path) -> Path:
    """Downloads what is needed once; the SDK is built anew."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"].get("signing", ())]
    version = subprocess.run([PYTHON, "-V"], capture_output=True, text=True, check=True).stdout
    kept = KEPT / f"wheels-{hashlib.sha256(repr((wanted, version)).encode()).hexdigest()[:12]}"
    KEPT.mkdir(parents=True, exist_ok=True)
    with (KEPT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.is_dir():
            _download(wanted, kept)
    shutil.copytree(kept, folder)
    _build(folder)
    return folder


def _download(wanted: list[str], kept: Path) -> None:
    new, python = kept.with_suffix(".new"), KEPT / "venv" / "bin" / "python"
    shutil.rmtree(new, ignore_errors=True)
    subprocess.run([PYTHON, "-m", "venv", str(KEPT / "venv")], check=True)
    subprocess.run([str(python), "-m", "pip", "download", "--quiet", "--dest", str(new), *wanted], check=True)
    new.rename(kept)


def build_distributions(folder: Path) -> tuple[Path, Path]:
    """Builds the source distribution of this tree into ``folder``, and the wheel from that."""
    copy = _copy(folder)
    subprocess.run(
        [sys.executable, "-m", "build", "--outdir", str(folder), str(copy)], capture_output=True, check=True
    )
    shutil.rmtree(copy)
    (wheel,), (source,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return wheel, source


def _build(folder: Path) -> None:
    copy = _copy(folder)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(copy)]
    subprocess.run(command, check=True)
    shutil.rmtree(copy)


def _copy(folder: Path) -> Path:
    """A copy of the tree: setuptools leaves a folder build/ behind, and packs what it finds there the next time."""
    copy = folder / "source"
    copy.mkdir()
    for name in PACKED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, copy / name)
    return copy
