"""The artifact that is to be delivered, read and checked once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from edge.errors import ArtifactError
from edge.inference.artifact.artifact import MANIFEST, SIGNATURE, Artifact, read
from edge.inference.artifact.container import is_canonical, split
from edge.trust.signature import Signature, signed_bytes


@dataclass(frozen=True, slots=True)
class Bundle:
    """A whole artifact in memory: what was checked is what is sent, whatever becomes of the file meanwhile."""

    path: Path
    data: bytes
    sha256: str
    """SHA-256 of ``data``."""
    model: str
    version: int
    hardware: tuple[str, ...]
    """``platform.machine()`` names, or ``any``."""
    key: str = ""
    """Id of the key that signed it; empty: nobody did."""
    signature: bytes = b""
    signed: bytes = b""
    """Bytes that the signature is over."""

    @classmethod
    def load(cls, path: Path) -> Bundle:
        """Raises ArtifactError for a file that no device would take: damaged, or without a manifest."""
        try:
            return cls._of(path, read(path))
        except ArtifactError as error:
            raise ArtifactError(f"{path}: {error}") from None

    @classmethod
    def _of(cls, path: Path, data: bytes) -> Bundle:
        model, files = split(data)
        manifest = Artifact.parse(path, model, files).manifest
        if manifest is None:
            raise ArtifactError(
                "no manifest: a foreign model, which 'edge convert' wraps, or its end is missing: copy the file again"
            )
        if not is_canonical(data, model, files):
            raise ArtifactError("there is more in the file than its manifest names; convert it again")
        digest = hashlib.sha256(data).hexdigest()
        bundle = cls(path, data, digest, manifest.model, manifest.version, manifest.hardware)
        if SIGNATURE not in files:
            return bundle
        signature = Signature.from_json(files[SIGNATURE])
        signed = signed_bytes(files[MANIFEST])
        return replace(bundle, key=signature.key, signature=signature.raw, signed=signed)

    @property
    def size(self) -> int:
        return len(self.data)

    def fits(self, machine: str) -> bool:
        return "any" in self.hardware or machine in self.hardware

    def __str__(self) -> str:
        return f"{self.model} v{self.version}"
