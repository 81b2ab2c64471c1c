"""OpenCV without its chatter: its warnings and FFmpeg's would bury the one line that says what is wrong.

``from edge.inference.frames.opencv import cv2``. Who sets OPENCV_LOG_LEVEL or OPENCV_FFMPEG_LOGLEVEL gets what was
asked for.
"""

import os
from typing import Any

_USER_LEVEL = os.environ.get("OPENCV_LOG_LEVEL")
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
# AV_LOG_QUIET of libavutil/log.h; read when the first video is opened.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

import cv2  # noqa: E402  the variables above are read while it loads


def _silence(module: Any) -> None:
    """For the case that somebody loaded OpenCV before. Version 5 moved the function."""
    place = module if hasattr(module, "setLogLevel") else module.utils.logging
    place.setLogLevel(0)  # LOG_LEVEL_SILENT


if _USER_LEVEL is None:
    _silence(cv2)

__all__ = ["cv2"]
