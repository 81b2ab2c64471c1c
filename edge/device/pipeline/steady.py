"""Keeps the interpreter's own work out of the way of a frame."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

SWITCH_S = 0.0005
"""A decision loop that comes back from ``invoke`` waits at most so long for a recorder that computes."""


@contextmanager
def steady() -> Iterator[None]:
    """No garbage collection by itself meanwhile, and quick switches between threads.

    What lives already is exempted from collections (``gc.freeze``), so that :func:`tidy` has little to look at.
    """
    interval, collecting = sys.getswitchinterval(), gc.isenabled()
    gc.collect()
    gc.freeze()
    gc.disable()
    sys.setswitchinterval(SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
        gc.unfreeze()
        if collecting:
            gc.enable()


def tidy() -> None:
    """Collects what circles there are; the recorder calls it when it has nothing else to do."""
    gc.collect()
