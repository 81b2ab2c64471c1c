"""The short form: all frames of a source in a ``for`` loop."""

from __future__ import annotations

from collections.abc import Iterator

from edge.inference.frames.factory import open_source
from edge.inference.frames.frame import Frame


def capture(uri: str) -> Iterator[Frame]:
    """Opens a source, yields its frames to the end, and closes it. Raises what :func:`open_source` raises."""
    source = open_source(uri)
    try:
        while (frame := source.read()) is not None:
            yield frame
    finally:
        source.close()
