"""May this artifact run here? Asked of every candidate before anything of it is run.

The order is that of least trust: the file's outer form, the signature over the manifest's bytes, and only then what
the manifest says. All is judged on one reading of the file, whose digest is in the answer.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edge.errors import ArtifactError, MissingError
from edge.inference.artifact.artifact import MANIFEST, SIGNATURE, Artifact, read
from edge.inference.artifact.container import is_canonical, split
from edge.inference.artifact.manifest import Manifest
from edge.trust.keys import verifies
from edge.trust.signature import Signature, signed_bytes
from edge.trust.store import UNSIGNED, Trust

MAX_VERSION = (1 << 63) - 1


@dataclass(frozen=True)
class Admission:
    """Facts about an artifact that was found fit for this device. Whoever copies the file must find ``sha256`` in the
    copy."""

    path: Path
    model: str
    version: int
    """0 of a foreign model."""
    sha256: str
    """SHA-256 of the whole file."""
    size: int
    """Bytes of the whole file."""
    key: str
    """Id of the key that signed it; UNSIGNED where none had to."""
    artifact: Artifact
    """Artifact as it was judged; the file need not be read again."""


def admit(path: Path, trust: Trust, *, allow_downgrade: bool = False) -> Admission:
    """Raises ArtifactError with the reason when it may not run here, StateError when nobody knows whom to trust,
    MissingError when a signature cannot be checked. ``allow_downgrade``: a person says so.
    """
    try:
        data = read(path)
        return _admit(path, data, trust, allow_downgrade)
    except ArtifactError as error:
        raise ArtifactError(f"{path}: {error}") from None


def _admit(path: Path, data: bytes, trust: Trust, allow_downgrade: bool) -> Admission:
    model, files = split(data)
    key = _signer(files, trust)
    if MANIFEST in files and not is_canonical(data, model, files):
        raise ArtifactError("there is more in the file than its manifest names, or in another form; convert it again")
    artifact = Artifact.parse(path, model, files)
    manifest = artifact.manifest
    if manifest is not None:
        _check_hardware(manifest)
        _check_runtime(manifest)
        _check_version(manifest, trust, allow_downgrade)
    version = manifest.version if manifest else 0
    return Admission(path, artifact.name, version, hashlib.sha256(data).hexdigest(), len(data), key, artifact)


def _signer(files: Mapping[str, bytes], trust: Trust) -> str:
    """The key's id, once its signature was found to be of this manifest."""
    if SIGNATURE not in files or MANIFEST not in files:
        if trust.require_signature:
            raise ArtifactError(_unsigned(files))
        return UNSIGNED
    signature = Signature.from_json(files[SIGNATURE])
    key = trust.key(signature.key)
    if key is None:
        if not trust.require_signature:
            return UNSIGNED
        known = ", ".join(trust.key_ids()) or "none; add one with 'edge keys trust'"
        raise ArtifactError(f"signed by the unknown key {signature.key}; this device trusts {known}")
    if not verifies(key.raw, signature.raw, signed_bytes(files[MANIFEST])):
        raise ArtifactError(f"bad signature: not of this manifest by the key {key.id}; copy or sign the file again")
    return key.id


def _unsigned(files: Mapping[str, bytes]) -> str:
    if not files:
        return (
            "unsigned: it has no manifest, or its end is missing; wrap a foreign model with 'edge convert', sign it "
            "with 'edge keys sign', or copy the file again"
        )
    return (
        "unsigned; sign it with 'edge keys sign', or let this device take unsigned ones with "
        "slots.require_signature = false"
    )


def _check_hardware(manifest: Manifest) -> None:
    machine = platform.machine()
    if not {"any", machine} & set(manifest.hardware):
        raise ArtifactError(f"made for {', '.join(manifest.hardware) or 'no hardware'}; this device is {machine}")


def _check_runtime(manifest: Manifest) -> None:
    """litert begins where TensorFlow 2.17 ends, and counts anew: it knows what the older ones know."""
    from edge.core.versions import older
    from edge.inference.interpreter import usable_runtimes

    runtimes = usable_runtimes()
    if not runtimes:
        raise MissingError("no usable TFLite runtime; pip install ai-edge-litert")
    if not manifest.min_runtime or runtimes[0].name == "litert":
        return
    if older(runtimes[0].version, manifest.min_runtime):
        raise ArtifactError(
            f"needs TFLite runtime {manifest.min_runtime}; this device has {runtimes[0].version}: update it, or "
            "convert the model with --min-runtime"
        )


def _check_version(manifest: Manifest, trust: Trust, allow_downgrade: bool) -> None:
    model, version = manifest.model, manifest.version
    if not 0 <= version <= MAX_VERSION:
        raise ArtifactError(f"version {version}; expected a number from 0 to {MAX_VERSION}")
    ratchet = trust.ratchet(model)
    if ratchet is not None and version < ratchet and not allow_downgrade:
        raise ArtifactError(
            f"downgrade: version {version} of {model}, and {ratchet} was committed here; a person may insist with "
            "--allow-downgrade"
        )
    most = (ratchet or 0) + trust.max_version_jump
    if version > most:
        raise ArtifactError(
            f"fast-forward: version {version} of {model} after {ratchet or 'none'}; a version so high would shut out "
            f"all later ones. Expected at most {most}: convert it with --model-version, or raise "
            "slots.max_version_jump"
        )
