"""What a framework does: open the model, then judge pictures whenever the bench asks, in turn with the others.

Needs numpy and OpenCV alone, for every framework runs in an environment of its own. Frames in memory are
n×480×640×3 uint8 BGR in a ``.npy`` file; the video holds the same, as a camera sends them.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

Judge = Callable[[np.ndarray], str]


def serve(judge: Judge, judge_video: Callable[[str], int] | None = None) -> None:
    """The command line is MODEL FRAMES VIDEO. Each line that comes in is a number of frames from memory, or
    ``video``; the answer holds the seconds of each frame, or of the video by frame, and the resident bytes.
    """
    _, _, frames_file, video = sys.argv
    frames = np.load(frames_file, mmap_mode="r")
    frames = [np.array(frame) for frame in frames]
    judge(frames[0])
    _say({"ready": True})
    for line in sys.stdin:
        if line.strip() == "video":
            began = time.perf_counter()
            count = judge_video(video) if judge_video else _one_by_one(judge, video)
            seconds = [(time.perf_counter() - began) / count]
        else:
            seconds = [_timed(judge, frames[number % len(frames)]) for number in range(int(line))]
        _say({"seconds": seconds, "resident": _resident()})


def _timed(judge: Judge, frame: np.ndarray) -> float:
    began = time.perf_counter()
    judge(frame)
    return time.perf_counter() - began


def _one_by_one(judge: Judge, video: str) -> int:
    """As the examples do: read, judge, read, judge."""
    capture = cv2.VideoCapture(video)
    count = 0
    while True:
        good, frame = capture.read()
        if not good:
            return count
        judge(frame)
        count += 1


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def _say(answer: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
