"""Sentence about an artifact's signature."""

from __future__ import annotations

from collections.abc import Sequence

from edge.errors import ArtifactError
from edge.inference.artifact.artifact import MANIFEST, SIGNATURE, Artifact
from edge.trust.keys import verifies
from edge.trust.signature import Signature, signed_bytes
from edge.trust.store import TrustedKey


def signature_of(artifact: Artifact, keys: Sequence[TrustedKey], otherwise: str) -> str:
    """Sentence on who signed it, and whether it is so; ``otherwise`` is said of one by none of ``keys``. Raises
    MissingError."""
    if SIGNATURE not in artifact.files or MANIFEST not in artifact.files:
        return "none"
    try:
        signature = Signature.from_json(artifact.files[SIGNATURE])
    except ArtifactError as error:
        return f"BAD: {error}"
    key = next((key for key in keys if key.id == signature.key), None)
    if key is None:
        return f"by {signature.key} ({otherwise})"
    valid = verifies(key.raw, signature.raw, signed_bytes(artifact.files[MANIFEST]))
    return f"by {key.id} ({'valid' if valid else 'BAD: not of this manifest'})"
