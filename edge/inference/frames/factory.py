"""From a URI to a frame source: the one table of kinds."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from edge.core.structs import nearest
from edge.errors import ConfigError, SourceError
from edge.inference.frames.frame import FrameSource
from edge.inference.frames.images import is_image


class SourceKind(Protocol):
    """Interface that the classes named in :data:`KINDS` have in common."""

    def from_uri(self, uri: str) -> FrameSource: ...


KINDS = {
    "folder": "edge.inference.frames.folder:Folder",
    "video": "edge.inference.frames.video:VideoFile",
    "camera": "edge.inference.frames.camera:Camera",
    "picamera": "edge.inference.frames.picamera:PiCamera",
    "rtsp": "edge.inference.frames.network:NetworkStream",
    "rtsps": "edge.inference.frames.network:NetworkStream",
    "http": "edge.inference.frames.network:NetworkStream",
    "https": "edge.inference.frames.network:NetworkStream",
    "sim": "edge.sim:SimulatedLine",
}
"""Scheme → module:class. Loaded when first used, so that nobody pays for kinds that are not used.

``folder`` and ``video`` are plain paths, without a scheme.
"""

_PATHS = ("folder", "video")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


def open_source(uri: str) -> FrameSource:
    """Opens a camera, a file or the simulator.

    ``uri`` is a folder of images, an image, a video file, ``/dev/video0`` or ``camera://0``, ``picamera://0``,
    ``rtsp://...``, ``http://...`` (MJPEG) or ``sim://line``.

    Raises ConfigError for an unknown kind or option, SourceError when there is nothing to read, and
    MissingError when a package is not installed.
    """
    kind = _kind(uri)
    module, _, name = KINDS[kind].partition(":")
    return cast(SourceKind, getattr(import_module(module), name)).from_uri(uri)


def _kind(uri: str) -> str:
    scheme = _SCHEME.match(uri)
    if scheme is None:
        return _kind_of_path(uri)
    kind = scheme[1].lower()
    known = [name for name in KINDS if name not in _PATHS]
    if kind not in known:
        raise ConfigError(f"{uri}: unknown kind of source {kind!r}; {nearest(kind, known)}")
    return kind


def _kind_of_path(uri: str) -> str:
    if uri.startswith("/dev/"):
        return "camera"
    path = Path(uri).expanduser()
    if not uri or not path.exists():
        raise SourceError(
            f"{uri or repr(uri)}: no such file or folder; expected a folder of images, an image, a video, "
            "or a URI such as camera://0, rtsp://HOST/PATH or sim://line"
        )
    return "folder" if path.is_dir() or is_image(path) else "video"
