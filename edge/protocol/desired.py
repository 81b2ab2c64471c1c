"""The retained message that says which model is wanted on a device, or on all devices of a group."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from edge.core.structs import plain
from edge.errors import MessageError
from edge.inference.artifact.artifact import MAX_BYTES as MAX_SIZE
from edge.protocol.control import load_small
from edge.protocol.messages.kinds import INT64

MAX_BYTES = 4096
"""A longer message is refused unread."""
MIN_CHUNK, CHUNK, MAX_CHUNK = 1 << 10, 256 << 10, 16 << 20
_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Desired:
    """``{"id": "5f0c…", "model": "cookie", "version": 3, "sha256": "…", "size": 35200, "chunk_bytes": 262144}``

    What counts is the digest; whether the device may run what it fetched, its own trust decides.
    """

    id: str
    """Id of the roll-out; a device that has tried an id does not try it again."""
    model: str
    version: int = field(metadata={"min": 0, "max": INT64})
    """Both for people; the artifact says it itself."""
    sha256: str
    """SHA-256 of the whole artifact."""
    size: int = field(metadata={"min": 1, "max": MAX_SIZE})
    """Bytes of the whole artifact."""
    chunk_bytes: int = field(default=0, metadata={"min": 0, "max": MAX_CHUNK})
    """It stands, retained, in chunks of so many bytes, the last one shorter, on ``ROOT/v1/@model/SHA256/NUMBER``."""
    url: str = ""
    """Or it is fetched from here, ``https://`` or ``http://``."""

    @property
    def chunks(self) -> int:
        return -(-self.size // self.chunk_bytes) if self.chunk_bytes else 0

    def to_json(self) -> bytes:
        return json.dumps(plain(self), separators=(",", ":")).encode()


def parse(payload: bytes) -> Desired:
    """Raises MessageError, whatever the bytes are."""
    desired = load_small(Desired, payload, "desired", MAX_BYTES)
    if not _ID.fullmatch(desired.id):
        raise MessageError("desired.id: expected 1 to 64 letters, digits, dots, colons, dashes or underscores")
    if not _SHA256.fullmatch(desired.sha256):
        raise MessageError("desired.sha256: expected 64 hexadecimal digits")
    if not (0 < len(desired.model) <= 64 and desired.model.isprintable()):
        raise MessageError("desired.model: expected 1 to 64 printable characters")
    if bool(desired.url) == bool(desired.chunk_bytes):
        raise MessageError("desired: expected either url or chunk_bytes")
    if desired.chunk_bytes and desired.chunk_bytes < MIN_CHUNK:
        raise MessageError(f"desired.chunk_bytes: expected a number from {MIN_CHUNK} to {MAX_CHUNK}")
    if desired.url:
        check_url(desired.url)
    return desired


def check_url(url: str) -> None:
    """Raises MessageError."""
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("https", "http") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        fits = False
    if not fits or not url.isascii() or not url.isprintable() or " " in url:
        raise MessageError(f"desired.url: expected https://host/path or http://host/path, got {url!r:.80}")
    if parts.username is not None or parts.password is not None:
        raise MessageError("desired.url: a password in an address is seen by everyone; expected none")
