"""Putting a signature into an artifact."""

from __future__ import annotations

from pathlib import Path

from edge.core.atomic import write_whole
from edge.errors import ArtifactError
from edge.inference.artifact.artifact import MANIFEST, SIGNATURE, Artifact, read
from edge.inference.artifact.container import append_files, split
from edge.trust.keys import PrivateKey
from edge.trust.signature import Signature, signed_bytes


def signed(data: bytes, key: PrivateKey) -> bytes:
    """The artifact with this key's signature in place of any other; the same input gives the same bytes.

    Raises ArtifactError for what is damaged or has no manifest.
    """
    model, files = split(data)
    if MANIFEST not in files:
        raise ArtifactError("no manifest to sign: a foreign model; wrap it with 'edge convert MODEL.tflite' first")
    Artifact.parse(Path(), model, files)
    signature = Signature.of(key.id, key.sign(signed_bytes(files[MANIFEST])))
    return append_files(model, {**files, SIGNATURE: signature.to_json()})


def sign_file(path: Path, key: PrivateKey) -> int:
    """Signs an artifact in place: the file is the old one or the signed one, whole. Returns its size in bytes.

    Raises ArtifactError, and OSError when it cannot be written.
    """
    try:
        data = signed(read(path), key)
    except ArtifactError as error:
        raise ArtifactError(f"{path}: {error}") from None
    real = path.resolve()
    write_whole(real, data, real.stat().st_mode & 0o777)
    return len(data)
