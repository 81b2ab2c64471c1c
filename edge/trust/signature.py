"""``manifest.sig``: an Ed25519 signature (RFC 8032) over the manifest, which names the digest of all the rest."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass

from edge.core.structs import build, plain
from edge.errors import ArtifactError, ConfigError

DOMAIN = b"edge-sdk manifest v1\n"
"""Signed before the manifest's bytes, so that a signature made for anything else never fits one."""
KEY_BYTES = 32
SIGNATURE_BYTES = 64
_MAX_BYTES = 512
_KEY_ID = re.compile(r"[0-9a-f]{16}")


def key_id(public: bytes) -> str:
    """The first 16 hex digits of the SHA-256 of the 32 raw bytes of a public key."""
    return hashlib.sha256(public).hexdigest()[:16]


def is_key_id(text: str) -> bool:
    return _KEY_ID.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Signature:
    """Id of the key that signed, and the 64 bytes of the signature in base64."""

    key: str
    signature: str

    @classmethod
    def of(cls, key: str, signature: bytes) -> Signature:
        return cls(key, base64.b64encode(signature).decode())

    @classmethod
    def from_json(cls, data: bytes) -> Signature:
        """Raises ArtifactError unless these are the bytes that :meth:`to_json` writes: there is one way to say it."""
        try:
            if len(data) > _MAX_BYTES:
                raise ConfigError(f"{len(data)} bytes; expected at most {_MAX_BYTES}")
            read = build(cls, json.loads(data), "manifest.sig")
            if not is_key_id(read.key) or len(read.raw) != SIGNATURE_BYTES or read.to_json() != data:
                raise ConfigError("not in the form that 'edge keys sign' writes")
        except (ValueError, RecursionError) as error:
            raise ArtifactError(f"manifest.sig is damaged ({error}); sign the artifact again") from None
        return read

    def to_json(self) -> bytes:
        return json.dumps(plain(self), sort_keys=True, separators=(",", ":")).encode()

    @property
    def raw(self) -> bytes:
        """Raises ValueError."""
        return base64.b64decode(self.signature, validate=True)


def signed_bytes(manifest: bytes) -> bytes:
    """Bytes that are really signed."""
    return DOMAIN + manifest
