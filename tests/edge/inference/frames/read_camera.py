"""Reads frames from a camera and prints what it saw: ``read_camera.py URI FRAMES CLOSE_AFTER_SECONDS``.

A program of its own, because the fake driver must be there before a process starts.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import Any

from edge.errors import EdgeError
from edge.inference.frames import Frame, open_source


def describe(frame: Frame) -> dict[str, Any]:
    age_ns = time.monotonic_ns() - frame.captured_ns
    image = frame.image
    return {
        "shape": None if image is None else image.shape,
        "contiguous": image is not None and image.flags.c_contiguous,
        "top": None if image is None else image[5, 5].tolist(),
        "bottom": None if image is None else image[-5, 5].tolist(),
        "captured_ns": frame.captured_ns,
        "age_ms": age_ns / 1e6,
        "wall_skew_ms": (time.time_ns() - frame.wall_ns - age_ns) / 1e6,
    }


def main(uri: str, frames: int, close_after: float) -> dict[str, Any]:
    begun, seen, ended = time.monotonic(), [], False
    try:
        source = open_source(uri)
        if close_after:
            threading.Timer(close_after, source.close).start()
        while len(seen) < frames and not ended:
            frame = source.read()
            ended = frame is None
            seen += [] if frame is None else [describe(frame)]
        source.close()
        fault = {}
    except EdgeError as error:
        fault = {"error": str(error), "kind": type(error).__name__}
    return {"frames": seen, "ended": ended, "seconds": time.monotonic() - begun} | fault


print(json.dumps(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))))
