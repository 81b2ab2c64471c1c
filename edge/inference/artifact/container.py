"""The file: a TFLite flatbuffer followed by a zip of associated files, as the TFLite Metadata standard has it.

Entries are stored uncompressed, which the standard's own readers expect, and carry no time stamps, so the same
content gives the same bytes.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping

from edge.errors import ArtifactError

IDENTIFIER = b"TFL3"
MAX_FILES_BYTES = 64 << 20
"""All associated files together; a larger zip is refused before it is read."""

_NO_TIME = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_DAMAGE = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, ValueError)
"""Errors of zipfile on offsets and lengths that are not so."""


def append_files(flatbuffer: bytes, files: Mapping[str, bytes]) -> bytes:
    """The whole artifact as bytes. Names are written in sorted order."""
    if not files:
        return flatbuffer
    return flatbuffer + _zip(files, len(flatbuffer))


def is_canonical(data: bytes, flatbuffer: bytes, files: Mapping[str, bytes]) -> bool:
    """Whether ``data``, of which these are the parts, is what :func:`append_files` makes of them, byte for byte.

    Only then is there nothing else in it: no second entry of a name, no bytes between entries or after the last, no
    comment, no other reading of the zip.
    """
    tail = _zip(files, len(flatbuffer)) if files else b""
    return len(data) == len(flatbuffer) + len(tail) and memoryview(data)[len(flatbuffer) :] == tail


def split(data: bytes) -> tuple[bytes, dict[str, bytes]]:
    """The flatbuffer and the associated files (none for a bare model). Raises ArtifactError."""
    check_identifier(data)
    stream = io.BytesIO(data)
    if not zipfile.is_zipfile(stream):
        return data, {}
    try:
        with zipfile.ZipFile(stream) as archive:
            return _read(data, archive)
    except ArtifactError:
        raise
    except _DAMAGE as error:
        raise ArtifactError(f"the zip of associated files is damaged ({error}); copy the file again") from None


class _Behind(io.BytesIO):
    """Shifts what is written by ``start`` bytes: a zip counts its offsets from the file's beginning."""

    def __init__(self, start: int) -> None:
        super().__init__()
        self._start = start

    def tell(self) -> int:
        return super().tell() + self._start

    def seek(self, place: int, whence: int = 0) -> int:
        return super().seek(place - self._start if whence == 0 else place, whence) + self._start


def _zip(files: Mapping[str, bytes], start: int) -> bytes:
    stream = _Behind(start)
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _NO_TIME)
            entry.create_system = _UNIX  # else Windows would write other bytes
            archive.writestr(entry, files[name])
    return stream.getvalue()


def check_identifier(data: bytes) -> None:
    """Raises ArtifactError when the bytes are not a TFLite flatbuffer."""
    if len(data) < 16 or data[4:8] != IDENTIFIER:
        raise ArtifactError(
            "not a TFLite model (no TFL3 identifier); expected a .tflite file, make one with 'edge convert'"
        )


def _read(data: bytes, archive: zipfile.ZipFile) -> tuple[bytes, dict[str, bytes]]:
    entries = archive.infolist()
    if not entries:
        return data, {}
    total = sum(entry.file_size for entry in entries)
    if total > MAX_FILES_BYTES:
        raise ArtifactError(f"associated files of {total} bytes; at most {MAX_FILES_BYTES} are accepted")
    names = [entry.filename for entry in entries]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ArtifactError(f"the zip holds {twice!r:.80} twice; expected one of each, convert the model again")
    start = min(entry.header_offset for entry in entries)
    if start < 0:
        raise ValueError("an entry begins before the file")
    return data[:start], {entry.filename: archive.read(entry) for entry in entries}
