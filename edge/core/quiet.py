"""Native libraries print to file descriptor 2; a user wants one clear line."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def stderr_to(descriptor: int) -> Iterator[None]:
    """Sends file descriptor 2 to ``descriptor`` meanwhile, and closes that one after it. For every thread."""
    saved = os.dup(2)
    try:
        os.dup2(descriptor, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(descriptor)


@contextmanager
def quiet_native_stderr() -> Iterator[None]:
    """Sends file descriptor 2 to /dev/null meanwhile. For start-up code: it silences every thread."""
    with stderr_to(os.open(os.devnull, os.O_WRONLY)):
        yield
