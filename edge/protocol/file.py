"""Publishing into a file of JSON lines: for dry runs, and for data that is carried by hand."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import os
import time
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit

from edge.errors import ConfigError, LinkError
from edge.protocol.transport import Acknowledgement, Outgoing


class FileTransport:
    """Appends ``{"topic": …, "retain": …, "content_type": …, "payload": …}``, one line a message.

    A payload that is not JSON stands as ``payload_base64``. Acknowledged once it is on the disk (fsync).
    """

    def __init__(self, path: Path, *, window: int = 32) -> None:
        self.path = path
        self.window = window
        self.limit_bytes = 1 << 28
        self._file: BinaryIO | None = None
        self._count = itertools.count()
        self._written: list[int] = []

    def __str__(self) -> str:
        return str(self.path)

    @staticmethod
    def path_of(uri: str) -> Path:
        """The path in ``file:///path``. Raises ConfigError."""
        parts = urlsplit(uri)
        if parts.netloc or not parts.path.startswith("/"):
            raise ConfigError(f"broker: expected file:///path.jsonl (three slashes), got {uri!r:.80}")
        return Path(unquote(parts.path))

    def connect(self, will: Outgoing | None = None) -> None:
        """A file has nobody who could publish the will."""
        self.close()
        try:
            self._file = self.path.open("ab")
            self._end_torn_line(self._file)
        except OSError as error:
            raise self._error(error) from None

    def publish(self, message: Outgoing) -> int:
        try:
            self._opened().write(_line(message))
        except OSError as error:
            raise self._error(error) from None
        token = next(self._count)
        self._written.append(token)
        return token

    def poll(self, timeout_s: float) -> list[Acknowledgement]:
        file = self._opened()
        if not self._written:
            time.sleep(timeout_s)
            return []
        try:
            file.flush()
            os.fsync(file.fileno())
        except OSError as error:
            raise self._error(error) from None
        written, self._written = self._written, []
        return [Acknowledgement(token, ok=True) for token in written]

    def close(self, *, clean: bool = True) -> None:
        file, self._file = self._file, None
        self._written.clear()
        if file is not None:
            with contextlib.suppress(OSError):  # nothing in it was acknowledged
                file.close()

    def _end_torn_line(self, file: BinaryIO) -> None:
        if file.tell() > 0:
            with self.path.open("rb") as reader:
                reader.seek(-1, os.SEEK_END)
                if reader.read(1) != b"\n":
                    file.write(b"\n")

    def _opened(self) -> BinaryIO:
        if self._file is None:
            raise LinkError(f"{self.path}: not connected")
        return self._file

    def _error(self, error: OSError) -> LinkError:
        return LinkError(f"{self.path}: {error.strerror or error}")


def _line(message: Outgoing) -> bytes:
    fields: dict[str, Any] = {
        "topic": message.topic,
        "retain": message.retain,
        "content_type": message.content_type,
        "expiry_s": message.expiry_s,
    }
    try:
        fields["payload"] = json.loads(message.payload)
    except ValueError:
        fields["payload_base64"] = base64.b64encode(message.payload).decode()
    return json.dumps(fields, separators=(",", ":")).encode() + b"\n"
