"""From a configuration to the things it names: models, cameras, buffer, drift watches, sync."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from edge.device.audit import AuditFolder, Auditor
from edge.device.audit.folder import NAME as AUDITS
from edge.device.audit.models import ModelFacts
from edge.device.buffer import Buffer
from edge.device.config import Config, ModelConfig, PartsConfig, SourceConfig, SyncConfig
from edge.device.credentials import awaited
from edge.device.generation import Generation, WatchedDrift
from edge.device.health.camera_health import CameraHealth, WatchedCamera
from edge.device.health.camera_view import CameraView
from edge.device.pipeline import (
    Cut,
    FollowedParts,
    Intake,
    MailboxPolicy,
    Pipeline,
    PipelineStage,
    VotedParts,
    WholeFrames,
)
from edge.device.sync import Sync, Transport, open_transport
from edge.drift import DriftWatch, Reference
from edge.errors import ConfigError
from edge.gates import Gate
from edge.inference.artifact.describe import Given
from edge.inference.cascade import Cascade, CascadeStage
from edge.inference.frames import Reopening, open_source
from edge.inference.model import Model, load
from edge.inference.parts import Calibration, Parts
from edge.protocol.messages import Identity

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CameraLane:
    """One camera and all that belongs to it alone."""

    number: int
    name: str
    source: Reopening
    pipeline: Pipeline

    def counts(self, camera_health: CameraHealth) -> CameraView:
        """Counters of the camera for health."""
        pipeline = self.pipeline
        faults = partial(camera_health.faults, self.number)
        return CameraView(self.name, pipeline.accounts, pipeline.latency, self.source, faults)


def load_cascade(config: Config, slot: Path | None = None) -> Cascade:
    """The configured models, checked, with the one in ``slot`` in the place of the first.

    Raises ConfigError when a rule names a label that they do not have, or when there is no first one.
    """
    first = load_first(config, slot)
    others = [_load(config, one, one.path) for one in config.cascade if one.path is not None]
    before = (first, *others)
    links = [
        CascadeStage(model, frozenset(then.when or before[number].labels))
        for number, (model, then) in enumerate(zip(others, config.cascade, strict=True))
    ]
    cascade = Cascade(first, links, config.rule)
    check_labels(config, cascade)
    return cascade


def load_first(config: Config, slot: Path | None) -> Model:
    """The model in ``slot``, else the factory model. Raises ConfigError where there is neither, ArtifactError,
    MissingError.
    """
    path = slot or config.model.path
    if path is None:
        raise ConfigError(
            "model.path: missing, and no slot holds an active model; name one, or 'edge slots install' one"
        )
    return _load(config, config.model, path, ours=slot is not None)


def check_labels(config: Config, cascade: Cascade) -> None:
    """Raises ConfigError when a rule names a label that the models do not have."""
    unknown = [label for label in config.decide.reject if label not in cascade.labels]
    if unknown:
        raise ConfigError(f"decide.reject: the model has no label {unknown[0]!r}; it has {', '.join(cascade.labels)}")


def _load(config: Config, one: ModelConfig, path: Path, *, ours: bool = False) -> Model:
    """``ours``: it states all of itself; what is given is for another."""
    given = None if ours else Given(one.labels, one.colour, one.range)
    wanted = one.wanted
    return load(
        path,
        runtime=wanted.runtime,
        threads=wanted.threads,
        xnnpack=wanted.xnnpack,
        delegate=wanted.delegate,
        rule=config.rule,
        given=given,
        state=config.device.state,
    )


def open_lanes(config: Config, cascade: Cascade, gate: Gate, intake: Intake) -> tuple[CameraLane, ...]:
    """Every camera opened. Raises SourceError for the first that is not there, with the others closed again."""
    lanes: list[CameraLane] = []
    try:
        for number, source in enumerate(config.source):
            own = cascade if number == 0 else cascade.clone()
            lanes.append(_open_lane(config, number, source, own, gate, intake))
    except BaseException:
        for lane in lanes:
            lane.source.close()
        raise
    return tuple(lanes)


def _open_lane(
    config: Config, number: int, configured: SourceConfig, cascade: Cascade, gate: Gate, intake: Intake
) -> CameraLane:
    name = config.cameras[number]
    source = open_line_source(configured.uri, name)
    try:
        stage = open_stage(config.parts, name, source.live)
    except BaseException:
        source.close()
        raise
    waiting = MailboxPolicy(
        configured.policy or ("latest" if source.live else "every"),
        configured.wait_s or None,
        configured.deadline_ms / 1000,
    )
    pipeline = Pipeline(source, cascade, gate, intake, waiting, stage=stage, camera=number, core=configured.core)
    return CameraLane(number, name, source, pipeline)


def open_line_source(uri: str, name: str) -> Reopening:
    """A camera that is lost comes back by itself; files have nothing to lose."""
    return Reopening(lambda: open_source(uri), name=f"camera {name}")


def open_stage(config: PartsConfig, camera: str, live: bool) -> PipelineStage:
    """Whole frames, or the parts in them. Raises ConfigError, StateError for a calibration that is no good."""
    if config.calibration is None:
        return WholeFrames()
    path = Path(str(config.calibration).replace("{camera}", camera))
    parts, cut = Parts(Calibration.load(path), config, live), Cut(config.margin, config.square)
    return VotedParts(parts, cut) if config.judging == "vote" else FollowedParts(parts, cut)


def open_buffer(config: Config) -> Buffer:
    """The buffer in the state folder; a damaged one is set aside and said."""
    buffer = Buffer(
        config.device.state / "buffer.db",
        cap_bytes=config.buffer.cap_mb << 20,
        commit_records=config.buffer.commit_records,
        commit_s=config.buffer.commit_s,
        deliver_predictions=bool(config.sync.broker) and config.sync.predictions,
    )
    if buffer.set_aside is not None:
        log.error("the buffer was damaged; set aside as %s, a new one begins", buffer.set_aside)
    return buffer


def open_watches(config: Config, cascade: Cascade, identity: Identity) -> dict[tuple[int, int], WatchedDrift]:
    """One for each camera and model that has a drift reference, by their numbers."""
    watches = {}
    for number, model in enumerate(cascade.models):
        packed = model.artifact.reference
        if packed is None:
            continue
        reference = Reference.from_bytes(packed)
        speaks = replace(identity, model=model.name, model_version=version_of(model), labels=model.labels)
        for camera, name in enumerate(config.cameras):
            watch = DriftWatch(reference, config.drift.window, config.drift.alpha)
            watches[camera, number] = WatchedDrift(watch, speaks, name)
    return watches


def open_camera_health(config: Config, lanes: Sequence[CameraLane], identity: Identity) -> CameraHealth:
    """Watches over the cameras; see ``[camera]``."""
    cameras = [WatchedCamera(lane.name, lane.source) for lane in lanes]
    return CameraHealth(cameras, config.camera, identity, config.device.state)


def open_generation(config: Config, cascade: Cascade, boot_id: str) -> Generation:
    """Opens what the recorder needs for what ``cascade`` judges; its drift is watched from the beginning."""
    identity = identify(config, cascade, boot_id)
    alone = cascade.models[0].artifact.manifest if len(cascade.models) == 1 else None
    return Generation(
        cascade.generation,
        identity,
        open_watches(config, cascade, identity),
        tuple(model.labels for model in cascade.models),
        ModelFacts.of(cascade.labels, alone),
    )


def open_auditor(config: Config, generation: Generation) -> Auditor:
    """Keeps samples for people to label; see ``[audit]``. Nothing is written before the first one."""
    if config.audit.outliers and not generation.watches:
        log.warning("audit.outliers: no model has a drift reference to be far from; 'edge convert' records one")
    folder = AuditFolder(config.device.state / AUDITS, config.audit.cap_mb << 20)
    return Auditor(config.audit, folder, generation.identity, config.cameras, generation.labels, generation.facts)


def open_sync(sync: SyncConfig, buffer: Buffer, identity: Identity) -> Sync | None:
    """None without a broker, and before the device is enrolled: the line need not wait for its certificate. Raises
    ConfigError; a broker that is away is no error.
    """
    if not sync.broker:
        return None
    if missing := awaited(sync.ca, sync.cert, sync.key, sync.password_file):
        names = ", ".join(path.name for path in missing)
        log.warning("not enrolled: there is no credential %s yet; what is to be sent waits in the buffer", names)
        return None
    transport = make_transport(sync, f"{sync.root}-{identity.device}")
    return Sync(transport, buffer, identity, sync.root, predictions=sync.predictions, backlog_per_s=sync.backlog_rate)


def make_transport(sync: SyncConfig, client_id: str) -> Transport:
    """Not connected yet. Raises ConfigError."""
    return open_transport(
        sync.broker,
        client_id=client_id,
        user=sync.username,
        password_file=sync.password_file,
        ca=sync.ca,
        cert=sync.cert,
        key=sync.key,
    )


def identify(config: Config, cascade: Cascade, boot_id: str) -> Identity:
    """Identity of this device, as in every message."""
    device = config.device
    version = version_of(cascade.models[0])
    labels, desired = cascade.labels, config.slots.desired
    return Identity(
        device.id, device.site, device.line, boot_id, cascade.name, version, labels, device.groups, desired
    )


def version_of(model: Model) -> int:
    """0 for a foreign model."""
    manifest = model.artifact.manifest
    return manifest.version if manifest else 0
