"""A new pair of key files: ``KEYFILE`` for its owner alone, ``KEYFILE.pub`` for devices."""

from __future__ import annotations

import os
from pathlib import Path

from edge.errors import ConfigError
from edge.trust.keys import PrivateKey, public_pem


def public_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.pub")


def write_pair(path: Path, passphrase: bytes | None = None) -> PrivateKey:
    """A new key. Raises ConfigError, and leaves nothing, when a file of either name is there or cannot be written."""
    key = PrivateKey.new()
    public = public_path(path)
    _write_new(path, key.to_pem(passphrase), 0o600)
    try:
        _write_new(public, public_pem(key.public), 0o644)
    except ConfigError:
        path.unlink()
        raise
    return key


def _write_new(path: Path, data: bytes, mode: int) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    except FileExistsError:
        raise ConfigError(f"{path}: is there already; a key is never overwritten, choose another name") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror})") from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        path.unlink()
        raise ConfigError(f"{path}: cannot be written ({error.strerror})") from None
