"""The device's end: what it says of itself, see :mod:`edge.flash.offer`."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
from pathlib import Path

from edge.artifact.artifact import Artifact, read
from edge.artifact.container import split
from edge.config import Config
from edge.errors import ArtifactError
from edge.flash.deliverer import Running
from edge.flash.offer import Offer
from edge.flash.receiving import Incoming
from edge.health.system import free_bytes
from edge.slots import FACTORY, Slots, SlotsState
from edge.slots.slots import FOLDER
from edge.status import local
from edge.trust import Trust

_ANSWER_S = 2.0


def offer_of(config: Config, sha256: str = "", size: int = 0) -> Offer:
    """For an artifact of ``size`` bytes, where one is named. Changes nothing.

    Raises ConfigError, and StateError when slots or keys cannot be read.
    """
    slots = Slots(config.device.state / FOLDER)
    state, trust = slots.state(), Trust.of(config)
    held = state.held.get(state.trial)
    return Offer(
        device=config.device.id,
        edge=importlib.metadata.version("edge-sdk"),
        machine=platform.machine(),
        free_bytes=free_bytes(_existing(slots.folder)),
        have=Incoming(slots.incoming, sha256, size).have() if sha256 else 0,
        runs=_running(config, state),
        trial=state.trial,
        trial_sha256=held.sha256 if held else "",
        request=state.request,
        outcome=state.outcome,
        require_signature=trust.require_signature,
        keys=trust.key_ids(),
        daemon=_daemon_runs(config.device.state),
        problem=_problem(slots.folder),
    )


def _running(config: Config, state: SlotsState) -> Running:
    """What the daemon runs first, or would."""
    if state.active != FACTORY:
        held = state.held[state.active]
        return Running(held.model, held.version, held.sha256, state.active)
    path: Path | None = config.model.path
    try:
        return _factory(path) if path is not None else Running()
    except ArtifactError:
        return Running(model=f"{path}, unreadable")


def _factory(path: Path) -> Running:
    """Raises ArtifactError."""
    data = read(path)
    artifact = Artifact.parse(path, *split(data))
    version = artifact.manifest.version if artifact.manifest else 0
    return Running(artifact.name, version, hashlib.sha256(data).hexdigest())


def _existing(folder: Path) -> Path:
    """The folder, or the first above it that is there."""
    return next(path for path in (folder, *folder.parents) if path.exists())


def _problem(folder: Path) -> str:
    if os.access(_existing(folder), os.W_OK):
        return ""
    return f"{folder}: not writable for this user; log in as the daemon's, or --edge 'sudo -n -u USER edge'"


def _daemon_runs(state: Path) -> bool:
    try:
        local.connect(state, _ANSWER_S).close()
    except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
        return False
    except OSError:
        return True
    return True
