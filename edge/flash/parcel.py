"""The artifact that is to be delivered, read and checked once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from edge.artifact.artifact import Artifact
from edge.errors import ArtifactError

SIGNATURE = "manifest.sig"


@dataclass(frozen=True, slots=True)
class Parcel:
    """A whole artifact in memory: what was checked is what is sent, whatever becomes of the file meanwhile."""

    path: Path
    data: bytes
    sha256: str
    """Of ``data``."""
    model: str
    version: int
    hardware: tuple[str, ...]
    """``platform.machine()`` names, or ``any``."""
    signed: bool

    @classmethod
    def load(cls, path: Path) -> Parcel:
        """Raises ArtifactError for a file that no device would take: damaged, or without a manifest."""
        artifact = Artifact.load(path)
        if artifact.manifest is None:
            raise ArtifactError(
                f"{path}: has no manifest, so no device can judge whether it fits; expected an artifact that "
                "'edge convert' made (it also wraps a ready .tflite)"
            )
        data = path.read_bytes()
        manifest = artifact.manifest
        digest = hashlib.sha256(data).hexdigest()
        signed = SIGNATURE in artifact.files
        return cls(path, data, digest, manifest.model, manifest.version, manifest.hardware, signed)

    @property
    def size(self) -> int:
        return len(self.data)

    def fits(self, machine: str) -> bool:
        return "any" in self.hardware or machine in self.hardware

    def __str__(self) -> str:
        return f"{self.model} v{self.version}"
