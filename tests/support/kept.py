"""Results of long work, kept under ``build/`` between runs by the digest of what they depend on."""

from __future__ import annotations

import fcntl
import hashlib
import inspect
import os
import platform
import shutil
from collections.abc import Callable
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "kept"
PACKAGES = ("tensorflow", "tensorflow-cpu", "keras", "tf-keras", "numpy", "opencv-python")


def kept(name: str, make: Callable[[Path], None], *facts: object) -> Path:
    """The file or folder that ``make(path)`` has written, now or in an earlier run.

    It is made anew when the module of ``make``, which may be a partial, has changed, the Python, a package of
    ``PACKAGES``, or one of the ``facts``: whatever else it depends on. Of several workers one makes it, and the
    others wait.
    """
    made_by = make.func if isinstance(make, partial) else make
    source = inspect.getsource(inspect.getmodule(made_by) or made_by)
    depends = (source, platform.python_version(), [_version(package) for package in PACKAGES], facts)
    path = FOLDER / f"{hashlib.sha256(repr(depends).encode()).hexdigest()[:12]}-{name}"
    FOLDER.mkdir(parents=True, exist_ok=True)
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            temporary = path.with_name(f"{os.getpid()}-{path.name}")  # the suffix says how Keras is to save
            shutil.rmtree(temporary, ignore_errors=True)
            make(temporary)
            temporary.replace(path)
    return path


def digest(*paths: Path) -> str:
    """SHA-256 of what files hold, and those of folders, for :func:`kept`."""
    total = hashlib.sha256()
    for path in paths:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
