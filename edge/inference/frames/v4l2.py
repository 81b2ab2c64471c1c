"""Facts from the kernel about a Video4Linux device, so that a camera that fails can be told why.

Source: the V4L2 user-space API (linux/videodev2.h), VIDIOC_QUERYCAP and VIDIOC_REQBUFS.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import struct
from pathlib import Path

_QUERYCAP = 0x80685600
_REQBUFS = 0xC0145608
_CAPABILITY = struct.Struct("=16s32s32sIII12x")
_REQUEST = struct.Struct("=IIIIB3x")
_DEVICE_CAPS = 0x80000000
_CAPTURE, _CAPTURE_MPLANE = 0x1, 0x1000
_MMAP = 1


def cameras() -> list[str]:
    """The devices that deliver pictures, such as ``/dev/video0``."""
    nodes = sorted(Path("/dev").glob("video*"), key=lambda path: int(re.sub(r"\D", "", path.name) or 0))
    return [str(node) for node in nodes if _captures(node)]


def problem(device: str) -> str | None:
    """Why ``device`` cannot be used as a camera and what to do about it, or None if nothing speaks against it."""
    try:
        fd = os.open(device, os.O_RDWR | os.O_NONBLOCK)
    except OSError as error:
        return _open_problem(error)
    try:
        kind = _buffer_type(fd)
        if kind is None:
            return f"is not a device that takes pictures; {found()}"
        if _is_busy(fd, kind):
            return f"is in use by another program; see which with: fuser -v {device}"
    except OSError as error:
        return f"is not a camera ({error.strerror}); {found()}"
    finally:
        os.close(fd)
    return None


def found() -> str:
    """``cameras found: ...`` for an error message."""
    return f"cameras found: {', '.join(cameras()) or 'none; is it plugged in?'}"


def _open_problem(error: OSError) -> str:
    if error.errno == errno.EACCES:
        return "may not be opened by this user; add it to the group video: sudo usermod -aG video $USER"
    if error.errno == errno.EBUSY:
        return "is in use by another program"
    if error.errno == errno.ENOENT:
        return f"does not exist; {found()}"
    return f"cannot be opened ({error.strerror}); {found()}"


def _is_busy(fd: int, kind: int) -> bool:
    """Asks for zero buffers: the one request that changes nothing, and is refused while another program streams."""
    try:
        fcntl.ioctl(fd, _REQBUFS, _REQUEST.pack(0, kind, _MMAP, 0, 0))
    except OSError as error:
        return error.errno == errno.EBUSY
    return False


def _captures(node: Path) -> bool:
    try:
        fd = os.open(node, os.O_RDWR | os.O_NONBLOCK)
    except OSError:
        return True  # it is in use or not ours, but it is there
    try:
        return _buffer_type(fd) is not None
    except OSError:
        return False
    finally:
        os.close(fd)


def _buffer_type(fd: int) -> int | None:
    """V4L2_BUF_TYPE_VIDEO_CAPTURE (1) or its multi-planar kind (9); None for encoders, metadata and the like."""
    reply = fcntl.ioctl(fd, _QUERYCAP, bytes(_CAPABILITY.size))
    *_, whole, of_this_node = _CAPABILITY.unpack(reply)
    abilities = of_this_node if whole & _DEVICE_CAPS else whole
    if abilities & _CAPTURE:
        return 1
    return 9 if abilities & _CAPTURE_MPLANE else None
