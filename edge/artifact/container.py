"""The file: a TFLite flatbuffer followed by a zip of associated files, as the TFLite Metadata standard has it.

Entries are stored uncompressed, which the standard's own readers expect, and carry no time stamps, so the same
content gives the same bytes.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

from edge.errors import ArtifactError

IDENTIFIER = b"TFL3"
MAX_FILES_BYTES = 64 << 20
"""All associated files together; a larger zip is refused before it is read."""

_NO_TIME = (1980, 1, 1, 0, 0, 0)


def append_files(flatbuffer: bytes, files: Mapping[str, bytes]) -> bytes:
    """The whole artifact as bytes. Names are written in sorted order."""
    if not files:
        return flatbuffer
    stream = io.BytesIO()
    stream.write(flatbuffer)
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, _NO_TIME), files[name])
    return stream.getvalue()


def split(data: bytes) -> tuple[bytes, dict[str, bytes]]:
    """The flatbuffer and the associated files (none for a bare model). Raises ArtifactError."""
    check_identifier(data)
    stream = io.BytesIO(data)
    if not zipfile.is_zipfile(stream):
        return data, {}
    try:
        with zipfile.ZipFile(stream) as archive:
            return _read(data, archive)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise ArtifactError(f"the zip of associated files is damaged ({error}); copy the file again") from None


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
    start = min(entry.header_offset for entry in entries)
    return data[:start], {entry.filename: archive.read(entry) for entry in entries}
