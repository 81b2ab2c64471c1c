"""An artifact on disk, read and checked but not yet run."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from edge.errors import ArtifactError
from edge.inference.artifact.container import split
from edge.inference.artifact.golden import NAME as GOLDEN
from edge.inference.artifact.golden import Golden
from edge.inference.artifact.manifest import Manifest
from edge.inference.artifact.stated import Stated, read_stated

MANIFEST = "manifest.json"
SIGNATURE = "manifest.sig"
"""Beside the manifest, which it signs and which therefore cannot name it; see :mod:`edge.trust`."""
LABELS = "labels.txt"
REFERENCE = "reference.bin"
MAX_BYTES = 512 << 20


@dataclass(frozen=True)
class Artifact:
    """A ``.tflite`` with or without our manifest. ``model`` is the flatbuffer alone, ``files`` the zip's content."""

    path: Path
    model: bytes
    files: Mapping[str, bytes]
    manifest: Manifest | None
    stated: Stated

    @classmethod
    def load(cls, path: Path | str) -> Artifact:
        """Reads the file and checks every digest that its manifest names. Raises ArtifactError."""
        path = Path(path)
        try:
            return cls.parse(path, *split(read(path)))
        except ArtifactError as error:
            raise ArtifactError(f"{path}: {error}") from None

    @classmethod
    def parse(cls, path: Path, model: bytes, files: Mapping[str, bytes]) -> Artifact:
        """Parses an artifact from parts that are read already; ``path`` is only what it is called. Raises
        ArtifactError."""
        manifest = Manifest.from_json(files[MANIFEST]) if MANIFEST in files else None
        if manifest is not None:
            _check_digests(manifest, model, files)
        return cls(path, model, files, manifest, read_stated(model))

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the flatbuffer: what is run, whatever is packed beside it."""
        return hashlib.sha256(self.model).hexdigest()

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """One per output, or empty when the file has none."""
        name = LABELS if LABELS in self.files else self.stated.labels_file
        text = self.files.get(name, b"").decode("utf-8", "replace")
        return tuple(line.strip() for line in text.splitlines() if line.strip())

    @property
    def reference(self) -> bytes | None:
        """The drift reference, packed."""
        return self.files.get(REFERENCE)

    @cached_property
    def golden(self) -> Golden | None:
        """Raises ArtifactError when the samples are there but damaged."""
        return Golden.from_bytes(self.files[GOLDEN]) if GOLDEN in self.files else None

    @property
    def name(self) -> str:
        """The model id."""
        return self.manifest.model if self.manifest else self.path.stem


def read(path: Path) -> bytes:
    """The whole file. Raises ArtifactError, without the path, when it is missing, unreadable or too large."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise ArtifactError(f"{size} bytes; at most {MAX_BYTES} are accepted")
        return path.read_bytes()
    except FileNotFoundError:
        raise ArtifactError("no such file; make one with 'edge convert MODEL --data DIR -o OUT.tflite'") from None
    except OSError as error:
        raise ArtifactError(f"cannot be read ({error.strerror}); expected a .tflite file") from None


def _check_digests(manifest: Manifest, model: bytes, files: Mapping[str, bytes]) -> None:
    expected = dict(manifest.files)
    found = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    for name in (MANIFEST, SIGNATURE):
        found.pop(name, None)
    if hashlib.sha256(model).hexdigest() != manifest.flatbuffer_sha256:
        raise ArtifactError("the model does not match the SHA-256 in its manifest; copy or convert it again")
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            raise ArtifactError(f"{name} does not match the SHA-256 in the manifest; copy or convert it again")
