"""The short form: all frames of a source in a ``for`` loop."""

from __future__ import annotations

from collections.abc import Iterator

from edge.frames.frame import Frame
from edge.frames.opening import open_source


def capture(uri: str) -> Iterator[Frame]:
    """Opens a source, yields its frames to the end, and closes it. Raises what :func:`open_source` raises."""
    source = open_source(uri)
    try:
        while (frame := source.read()) is not None:
            yield frame
    finally:
        source.close()
