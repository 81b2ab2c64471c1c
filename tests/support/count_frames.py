"""Prints when it read each frame of a camera that comes and goes, monotonic ns: ``count_frames.py URI``."""

from __future__ import annotations

import sys
import time

from edge.inference.frames import Reopening, open_source

source = Reopening(lambda: open_source(sys.argv[1]))
while source.read() is not None:
    sys.stdout.write(f"{time.monotonic_ns()}\n")
    sys.stdout.flush()
