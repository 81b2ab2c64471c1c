"""Trust of a device: ``<state>/trust/trust.json``, one file, written whole and renamed into place.

At most two public keys, so that one can be exchanged for another while models go on coming. Beside each key stands,
for each model id, the highest version that was committed under it: the ratchet, which never goes down. What counts is
the highest of all trusted keys, so an old model does not come back under the other key; with a key goes its ratchet,
so a stolen key that drove the version up is got rid of together with what it did (TUF, fast-forward attacks:
https://theupdateframework.github.io/specification/latest/#fast-forward-attacks).
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from edge.core.atomic import belong, make_folder, write_whole
from edge.core.structs import build, plain
from edge.errors import ConfigError, StateError
from edge.trust.signature import KEY_BYTES, key_id

FOLDER = "trust"
MAX_KEYS = 2
UNSIGNED = ""
"""Stands for a key where models need not be signed."""
MAX_VERSION_JUMP = 1000
_SCHEMA = 1
_MAX_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """``public`` is 32 bytes in base64; ``name`` is for people."""

    id: str
    public: str
    name: str = ""

    @classmethod
    def of(cls, public: bytes, name: str = "") -> TrustedKey:
        return cls(key_id(public), base64.b64encode(public).decode(), name)

    @property
    def raw(self) -> bytes:
        """Raises ValueError."""
        return base64.b64decode(self.public, validate=True)


@dataclass(frozen=True, slots=True)
class _Content:
    keys: tuple[TrustedKey, ...] = ()
    versions: dict[str, dict[str, int]] = field(default_factory=dict)
    """By key id, and by model id: the highest committed version."""
    schema: int = _SCHEMA


class Trust:
    """Several processes may use one folder; each call reads the file anew. All methods raise StateError when it
    cannot be read: then nothing is trusted.
    """

    def __init__(
        self, folder: Path, *, require_signature: bool = True, max_version_jump: int = MAX_VERSION_JUMP
    ) -> None:
        """``folder``: ``<state>/trust``. ``max_version_jump``: how far a version may lie above the ratchet."""
        self.folder = folder
        self.require_signature = require_signature
        self.max_version_jump = max_version_jump

    @property
    def path(self) -> Path:
        return self.folder / "trust.json"

    def keys(self) -> tuple[TrustedKey, ...]:
        """At most MAX_KEYS, the oldest first."""
        return self._read().keys

    def key(self, id_: str) -> TrustedKey | None:
        return next((key for key in self.keys() if key.id == id_), None)

    def key_ids(self) -> tuple[str, ...]:
        return tuple(key.id for key in self.keys())

    def versions(self, id_: str) -> dict[str, int]:
        """By model id, the highest version committed under this key; UNSIGNED for models without a signature."""
        return dict(self._read().versions.get(id_, {}))

    def ratchet(self, model: str) -> int | None:
        """The highest committed version of this model under any trusted key; None when there is none yet.

        What was committed without a signature counts only where none is required.
        """
        counting = [of for key, of in self._read().versions.items() if key != UNSIGNED or not self.require_signature]
        return max((of[model] for of in counting if model in of), default=None)

    def add(self, public: bytes, name: str = "") -> TrustedKey:
        """Trusts a key from now on; once more does nothing. Raises ConfigError when there are two others."""
        key = TrustedKey.of(public, name)
        with self._changing() as content:
            if any(key.id == known.id for known in content.keys):
                return key
            if len(content.keys) >= MAX_KEYS:
                known = ", ".join(known.id for known in content.keys)
                raise ConfigError(
                    f"{self.path}: {MAX_KEYS} keys are trusted already ({known}); remove one with 'edge keys revoke'"
                )
            self._write(replace(content, keys=(*content.keys, key)))
        return key

    def remove(self, id_: str, *, keep_versions: bool = False) -> None:
        """Trusts a key no more; its ratchet goes, too, unless the other key takes it over. Raises ConfigError."""
        with self._changing() as content:
            others = tuple(key for key in content.keys if key.id != id_)
            if len(others) == len(content.keys):
                known = ", ".join(key.id for key in content.keys) or "none"
                raise ConfigError(f"{id_!r}: not a trusted key; trusted: {known}")
            versions = {key: dict(by_model) for key, by_model in content.versions.items()}
            gone = versions.pop(id_, {})
            if keep_versions:
                if not others:
                    raise ConfigError(f"{id_}: the only key; no other can take over its versions")
                _raise_to(versions.setdefault(others[0].id, {}), gone)
            self._write(replace(content, keys=others, versions=versions))

    def committed(self, key: str, model: str, version: int) -> None:
        """Moves the ratchet up to a version that has proved itself; once more, or lower, changes nothing.

        Call it with each commit, and at each start for the active slot: the power may go between the two. ``key`` is
        a key's id or UNSIGNED; of a key that is not trusted any more nothing is kept.
        """
        with self._changing() as content:
            if key != UNSIGNED and key not in {known.id for known in content.keys}:
                return
            versions = {key: dict(by_model) for key, by_model in content.versions.items()}
            _raise_to(versions.setdefault(key, {}), {model: version})
            if versions != content.versions:
                self._write(replace(content, versions=versions))

    def _read(self) -> _Content:
        try:
            if self.path.stat().st_size > _MAX_BYTES:
                raise ConfigError(f"more than {_MAX_BYTES} bytes")
            content = build(_Content, json.loads(self.path.read_text("utf-8")), "trust", strict=False)
            _check(content)
        except FileNotFoundError:
            return _Content()
        except OSError as error:
            raise StateError(f"{self.path}: cannot be read ({error.strerror}); no model is admitted") from None
        except (ValueError, RecursionError) as error:
            raise StateError(
                f"{self.path}: damaged ({error}); no model is admitted: remove it and run 'edge keys trust' again"
            ) from None
        return content

    @contextmanager
    def _changing(self) -> Iterator[_Content]:
        """One at a time, of all processes."""
        try:
            make_folder(self.folder)
            handle = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            belong(handle, self.folder)
        except OSError as error:
            raise StateError(f"{self.folder}: cannot be written ({error.strerror})") from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield self._read()
        finally:
            os.close(handle)

    def _write(self, content: _Content) -> None:
        text = json.dumps(plain(content), sort_keys=True, indent=1) + "\n"
        try:
            write_whole(self.path, text.encode())
        except OSError as error:
            raise StateError(f"{self.path}: cannot be written ({error.strerror}); it is as it was") from None


def _raise_to(versions: dict[str, int], others: dict[str, int]) -> None:
    for model, version in others.items():
        versions[model] = max(version, versions.get(model, version))


def _check(content: _Content) -> None:
    if content.schema != _SCHEMA:
        raise ConfigError(f"schema {content.schema}; expected {_SCHEMA}")
    if len(content.keys) > MAX_KEYS:
        raise ConfigError(f"{len(content.keys)} keys; expected at most {MAX_KEYS}")
    for key in content.keys:
        if len(key.raw) != KEY_BYTES or key_id(key.raw) != key.id:
            raise ConfigError(f"key {key.id!r:.40} does not fit its id")
