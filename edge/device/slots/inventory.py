"""The device's end: what it says of itself, see :mod:`edge.protocol.inventory`."""

from __future__ import annotations

import hashlib
import os
import platform
from pathlib import Path

from edge.core.package import version
from edge.device.config import Config
from edge.device.health.system import free_bytes
from edge.device.slots import BAD, FACTORY, FOLDER, SlotEntry, Slots, SlotsState
from edge.device.slots.incoming import IncomingArtifact
from edge.device.slots.trust import trust_of
from edge.device.status import runs
from edge.errors import ArtifactError
from edge.inference.artifact.artifact import Artifact, read
from edge.inference.artifact.container import split
from edge.protocol.inventory import Inventory, RunningModel


def inventory_of(config: Config, sha256: str = "", size: int = 0) -> Inventory:
    """For an artifact of ``size`` bytes, where one is named. Changes nothing.

    Raises ConfigError, and StateError when slots or keys cannot be read.
    """
    slots = Slots(config.device.state / FOLDER)
    state, trust = slots.state(), trust_of(config)
    held, file = state.held.get(state.trial), held_file(slots, sha256)
    return Inventory(
        device=config.device.id,
        edge=version(),
        machine=platform.machine(),
        free_bytes=free_bytes(_existing(slots.folder)),
        have=size if file else _have(slots, sha256, size),
        path=str(file or ""),
        runs=_running(config, state),
        trial=state.trial,
        trial_sha256=held.sha256 if held else "",
        request=state.request,
        outcome=state.outcome,
        require_signature=trust.require_signature,
        keys=trust.key_ids(),
        daemon=runs(config.device.state),
        problem=_problem(slots.folder),
    )


def held_file(slots: Slots, sha256: str) -> Path | None:
    """The artifact, where a slot holds it whole: it need not be sent again. Raises StateError."""
    state = slots.state()
    return next((state.files[name] for name, held in state.held.items() if _sound(held, sha256)), None)


def _sound(held: SlotEntry, sha256: str) -> bool:
    return held.sha256 == sha256 and held.mark != BAD


def _have(slots: Slots, sha256: str, size: int) -> int:
    return IncomingArtifact(slots.incoming, sha256, size).have() if sha256 else 0


def _running(config: Config, state: SlotsState) -> RunningModel:
    """Model that the daemon runs first, or would."""
    if state.active != FACTORY:
        held = state.held[state.active]
        return RunningModel(held.model, held.version, held.sha256, state.active)
    path: Path | None = config.model.path
    try:
        return _factory(path) if path is not None else RunningModel()
    except ArtifactError:
        return RunningModel(model=f"{path}, unreadable")


def _factory(path: Path) -> RunningModel:
    """Raises ArtifactError."""
    data = read(path)
    artifact = Artifact.parse(path, *split(data))
    version = artifact.manifest.version if artifact.manifest else 0
    return RunningModel(artifact.name, version, hashlib.sha256(data).hexdigest())


def _existing(folder: Path) -> Path:
    """The folder, or the first above it that is there."""
    return next(path for path in (folder, *folder.parents) if path.exists())


def _problem(folder: Path) -> str:
    if os.access(_existing(folder), os.W_OK):
        return ""
    return f"{folder}: not writable for this user; log in as the daemon's, or --edge 'sudo -n -u USER edge'"
