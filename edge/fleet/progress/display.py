"""Display of each device's progress: live on a terminal that has rich, else a line at each stage."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TextIO

from edge.fleet.connector import Tell
from edge.fleet.progress.lines import Lines


@contextlib.contextmanager
def display(stream: TextIO, count: int) -> Iterator[Tell]:
    """For ``count`` targets, on ``stream``."""
    if stream.isatty():
        with contextlib.suppress(ImportError):
            from edge.fleet.progress.live import live

            with live(stream, count) as tell:
                yield tell
            return
    yield Lines(stream).tell
