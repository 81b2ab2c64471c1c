"""Ed25519 keys: made, kept in files, read again. The only module that knows ``cryptography``.

A private key is PKCS #8 in PEM (RFC 5958), with a passphrase or without, in a file that only its owner can read; the
public key is SubjectPublicKeyInfo in PEM (RFC 8410). ``openssl pkey`` reads both.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.core.package import install_hint
from edge.errors import ConfigError, MissingError
from edge.trust.signature import KEY_BYTES, key_id

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PASSPHRASE = "EDGE_KEY_PASSPHRASE"
_EXPECTED = "expected an Ed25519 key in PEM, made with 'edge keys new KEYFILE'"


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """Signs. ``id`` and ``public`` (32 bytes) are of its public half."""

    id: str
    public: bytes
    _key: Ed25519PrivateKey

    @classmethod
    def new(cls) -> PrivateKey:
        """Raises MissingError without the extra ``signing``."""
        return cls._of(_ed25519().Ed25519PrivateKey.generate())

    @classmethod
    def read(cls, path: Path, passphrase: bytes | None = None) -> PrivateKey:
        """Raises ConfigError for a file that is no such key, is open to other users, or needs another passphrase."""
        data = _read(path)
        _check_owner_only(path)
        ed25519 = _ed25519()
        from cryptography.hazmat.primitives import serialization

        try:
            key = serialization.load_pem_private_key(data, passphrase)
        except TypeError:
            needs = "needs a passphrase; give" if passphrase is None else "has no passphrase; leave out"
            raise ConfigError(f"{path}: {needs} --passphrase-file or EDGE_KEY_PASSPHRASE") from None
        except Exception as error:
            wrong = "; or the passphrase is wrong" if passphrase is not None else ""
            raise ConfigError(f"{path}: cannot be read ({_line(error)}); {_EXPECTED}{wrong}") from None
        if not isinstance(key, ed25519.Ed25519PrivateKey):
            raise ConfigError(f"{path}: {type(key).__name__.strip('_')}; {_EXPECTED}")
        return cls._of(key)

    @classmethod
    def _of(cls, key: Any) -> PrivateKey:
        public = key.public_key().public_bytes_raw()
        return cls(key_id(public), public, key)

    def sign(self, data: bytes) -> bytes:
        """64 bytes; the same data gives the same."""
        return self._key.sign(data)

    def to_pem(self, passphrase: bytes | None = None) -> bytes:
        from cryptography.hazmat.primitives import serialization as form

        protection = form.BestAvailableEncryption(passphrase) if passphrase else form.NoEncryption()
        return self._key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, protection)


def passphrase(file: Path | None) -> bytes | None:
    """The first line of the file; without one what EDGE_KEY_PASSPHRASE holds; or None. Raises ConfigError."""
    if file is None:
        return os.environ.get(PASSPHRASE, "").encode() or None
    try:
        line = file.read_bytes().split(b"\n", 1)[0].rstrip(b"\r")
    except OSError as error:
        raise ConfigError(f"--passphrase-file: {file} cannot be read ({error.strerror})") from None
    if not line:
        raise ConfigError(f"--passphrase-file: {file} has an empty first line; expected the passphrase there")
    return line


def public_pem(public: bytes) -> bytes:
    """SubjectPublicKeyInfo of 32 raw bytes."""
    ed25519 = _ed25519()
    from cryptography.hazmat.primitives import serialization as form

    key = ed25519.Ed25519PublicKey.from_public_bytes(public)
    pem: bytes = key.public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
    return pem


def read_public(path: Path) -> bytes:
    """The 32 bytes of a public key. Raises ConfigError, also for a private key, which has no business on a device."""
    data = _read(path)
    if b"PRIVATE KEY" in data:
        raise ConfigError(f"{path}: a private key, which must not leave its owner; give the file {path}.pub")
    ed25519 = _ed25519()
    from cryptography.hazmat.primitives import serialization

    try:
        key = serialization.load_pem_public_key(data)
    except Exception as error:
        raise ConfigError(f"{path}: cannot be read ({_line(error)}); {_EXPECTED}") from None
    if not isinstance(key, ed25519.Ed25519PublicKey):
        raise ConfigError(f"{path}: {type(key).__name__.strip('_')}; {_EXPECTED}")
    raw: bytes = key.public_bytes_raw()
    return raw


def verifies(public: bytes, signature: bytes, data: bytes) -> bool:
    """Whether the signature is of these bytes by that key (32 bytes). Raises MissingError."""
    ed25519 = _ed25519()
    from cryptography.exceptions import InvalidSignature

    if len(public) != KEY_BYTES:
        return False
    try:
        ed25519.Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


def check_installed() -> None:
    """Raises MissingError without the extra ``signing``."""
    _ed25519()


def _ed25519() -> Any:
    try:
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError:
        raise MissingError(f"signatures need the package cryptography; {install_hint('signing')}") from None
    return ed25519


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(1 << 16)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); {_EXPECTED}") from None


def _check_owner_only(path: Path) -> None:
    mode = path.stat().st_mode & 0o077
    if os.name == "posix" and mode:
        raise ConfigError(f"{path}: other users may use this private key (mode {mode:03o}); chmod 600 {path}")


def _line(error: Exception) -> str:
    return str(error).split("\n", 1)[0].split(". ", 1)[0][:100]
