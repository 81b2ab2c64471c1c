"""Which models have already been loaded and run here without harm, so that a start need not try them in a child.

A file per model and set-up in ``STATE/checked/``, named after all that the result may depend on. It is taken away
before each load and put back after it, so that a load that kills the process is tried in a child the next time.
"""

from __future__ import annotations

import hashlib
import logging
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from edge.core.atomic import sync_folder
from edge.inference.interpreter.child import check_in_child
from edge.inference.interpreter.machine import cpu_name
from edge.inference.interpreter.runtimes import find_runtime
from edge.inference.interpreter.setup import Setup

log = logging.getLogger(__name__)

FOLDER = "checked"
KEPT = 16
"""Files; the oldest go first."""


@contextmanager
def checked(model: bytes, setup: Setup, state: Path | None) -> Iterator[None]:
    """Around the load and first run of a model: tries it in a child before, unless it did well here already.

    Where ``state`` is None or no folder, nothing is remembered, and neither is a delegate by its plain name, whose
    file the system's loader may find anywhere. Raises ArtifactError or MissingError.
    """
    kept = state is not None and state.is_dir() and (setup.delegate is None or "/" in setup.delegate.library)
    mark = state / FOLDER / _key(model, setup) if state is not None and kept else None
    if mark is None or not _take(mark):
        check_in_child(model, setup)
    yield
    if mark is not None:
        _put(mark, setup)


def _key(model: bytes, setup: Setup) -> str:
    runtime = find_runtime(setup.runtime)
    facts = (
        hashlib.sha256(model).hexdigest(),
        (runtime.name, runtime.version, np.__version__, platform.python_version(), platform.machine()),
        (cpu_name(), platform.release()),
        setup,
        _library(setup),
    )
    return hashlib.sha256(repr(facts).encode()).hexdigest()


def _library(setup: Setup) -> tuple[int, ...] | None:
    """Facts that change when a delegate's library is replaced."""
    if setup.delegate is None:
        return None
    try:
        found = Path(setup.delegate.library).stat()
    except OSError:
        return ()
    return found.st_size, found.st_mtime_ns, found.st_ino


def _take(mark: Path) -> bool:
    """Whether the mark was there. It is gone, on the disk too: a delegate's driver can bring the machine down."""
    try:
        mark.unlink()
        sync_folder(mark.parent)
    except OSError:
        return False
    return True


def _put(mark: Path, setup: Setup) -> None:
    try:
        mark.parent.mkdir(exist_ok=True)
        mark.write_text(f"{setup}\n", "utf-8")
        marks = sorted(mark.parent.iterdir(), key=lambda path: path.stat().st_mtime_ns)
        for old in marks[:-KEPT]:
            old.unlink()
    except OSError as error:
        log.warning("%s: not remembered that the model was checked (%s)", mark.parent, error.strerror)
