"""The one way of a new model into a slot, whoever brings it: admitted, put, on trial."""

from __future__ import annotations

import contextlib
import hashlib
import time
from dataclasses import dataclass
from pathlib import Path

from edge.device.slots.files import CopyProgress
from edge.device.slots.slots import ATTEMPTS, Slots
from edge.device.slots.state import SlotsState
from edge.device.slots.transitions import REFUSED
from edge.errors import ArtifactError, StateError
from edge.inference.artifact import Artifact
from edge.protocol.messages import TrialOutcome
from edge.trust import Admission, Trust, admit

ACTIVE, TRIAL = "active", "trial"


@dataclass(frozen=True, slots=True)
class Installed:
    """Where the model is now."""

    slot: str
    model: str
    version: int
    sha256: str
    state: str
    """``trial``: it has begun, or had already; ``active``: nothing was to be done."""


def install(
    slots: Slots,
    trust: Trust,
    artifact: Path,
    *,
    attempts: int = ATTEMPTS,
    source: str = "",
    request: str = "",
    allow_downgrade: bool = False,
    report: CopyProgress | None = None,
) -> Installed:
    """Puts an artifact on trial; what is there already is not written again.

    Raises ArtifactError when it may not run here: the slots keep the reason as their outcome. Raises StateError for
    another trial under way, and for a disk that refuses; MissingError.
    """
    admitted = _admit(slots, trust, artifact, allow_downgrade, request)
    there = _there(slots.state(), admitted.sha256)
    if there is None:
        name = slots.put(artifact, admitted, source=source, request=request, report=report)
        slots.begin_trial(name, attempts, request)
        there = name, TRIAL
    return Installed(there[0], admitted.model, admitted.version, admitted.sha256, there[1])


def _admit(slots: Slots, trust: Trust, artifact: Path, allow_downgrade: bool, request: str) -> Admission:
    try:
        return _admitted(trust, artifact, allow_downgrade)
    except ArtifactError as error:
        if artifact.is_file():
            model, version = _claimed(artifact)
            reason = str(error).removeprefix(f"{artifact}: ")
            with contextlib.suppress(StateError):  # a disk that cannot even note it: the caller is told all the same
                slots.refuse(
                    TrialOutcome(model, version, _digest(artifact), REFUSED, reason, time.time_ns(), request)
                )
        raise


def _admitted(trust: Trust, artifact: Path, allow_downgrade: bool) -> Admission:
    admitted = admit(artifact, trust, allow_downgrade=allow_downgrade)
    if admitted.artifact.manifest is None:
        raise ArtifactError(f"{artifact}: a foreign model, without id and version; wrap it with 'edge convert' first")
    return admitted


def _claimed(artifact: Path) -> tuple[str, int]:
    """Identity that a refused file claims."""
    with contextlib.suppress(ArtifactError):
        manifest = Artifact.load(artifact).manifest
        if manifest is not None:
            return manifest.model, max(0, manifest.version)
    return artifact.stem, 0


def _there(state: SlotsState, sha256: str) -> tuple[str, str] | None:
    """The slot that runs it or tries it already, and which of both."""
    for name, how in ((state.active, ACTIVE), (state.trial, TRIAL)):
        if name and state.held[name].sha256 == sha256:
            return name, how
    return None


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
