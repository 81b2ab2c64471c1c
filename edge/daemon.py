"""A whole line from one configuration: source, model, gate, buffer, drift, sync."""

from __future__ import annotations

import fcntl
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge.buffer import Buffer
from edge.config import Config, SyncConfig
from edge.drift import DriftWatch, Reference
from edge.errors import ConfigError, StateError
from edge.frames import Reopening, open_source
from edge.gate import open_gate
from edge.health import quantile
from edge.messages import Identity
from edge.model import Model, load
from edge.office import Office
from edge.pipeline import Intake, Pipeline
from edge.sync import Sync, Transport, open_transport

log = logging.getLogger(__name__)

GOODBYE_S = 1.0
"""After a signal, time for what is still to be sent; the buffer keeps the rest."""
DRAIN_S = 10.0
"""After a source that ended by itself, how long undelivered entries may keep the process: a broker that is away may
come back."""
DRAIN_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Report:
    """The line's closing account.

    ``captured == decided + sum(dropped.values())`` and ``buffered == decided - lost``.
    """

    device: str
    boot_id: str
    captured: int
    decided: int
    dropped: dict[str, int]
    buffered: int
    """Records of this run that are durable in the buffer, or were until newer ones needed their room."""
    lost: int
    """Decided, but neither disk nor memory had room for the record."""
    pending: int
    """Buffer entries that no broker has acknowledged yet, of this run and earlier ones."""
    windows: int
    drifted_windows: tuple[int, ...]
    latency_us: dict[str, int]
    losses: int
    """How often the camera was lost and found again."""


class Line:
    """Judges until the source ends or :meth:`stop` is called, from any thread or a signal handler."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._pipeline: Pipeline | None = None
        self._stopped = False

    def stop(self) -> None:
        """Ends :meth:`run` soon, with everything flushed."""
        self._stopped = True
        if self._pipeline is not None:
            self._pipeline.stop()

    def run(self) -> Report:
        """Raises ConfigError, ArtifactError, SourceError, StateError or MissingError, each before a frame is judged;
        SourceError also when a source is lost for good, after everything was flushed.
        """
        config = self._config
        with _locked(config.device.state):
            model = load_model(config)
            buffer = open_buffer(config, model)
            try:
                return self._judge(model, buffer)
            finally:
                buffer.close()

    def _judge(self, model: Model, buffer: Buffer) -> Report:
        config = self._config
        identity = identify(config, model, buffer.boot_id)
        sync = open_sync(config.sync, buffer, identity)
        source = open_line_source(config.source.uri)
        policy = config.source.policy or ("latest" if source.live else "every")
        intake, gate = Intake(), open_gate(config.gate)
        pipeline = self._pipeline = Pipeline(source, model, gate, intake, policy)
        office = Office(
            intake=intake,
            buffer=buffer,
            watch=open_watch(config, model),
            identity=identity,
            accounts=pipeline.accounts,
            latency=pipeline.latency,
            sync=sync,
            health_interval_s=config.health.interval_s,
        )
        log.info("judging %s with %s on %s", config.source.uri, model.name, model.interpreter.platform)
        if self._stopped:
            pipeline.stop()
        if sync is not None:
            sync.start()
        office.start()
        try:
            pipeline.run()
        finally:
            office.finish()
            gate.close()
            if sync is not None:
                self._wait_until_delivered(buffer)
                sync.stop(GOODBYE_S)
            buffer.commit()
        return self._report(identity, pipeline, office, buffer, intake, source)

    def _wait_until_delivered(self, buffer: Buffer) -> None:
        until = time.monotonic() + DRAIN_S
        while not self._stopped and buffer.state().pending and time.monotonic() < until:
            time.sleep(DRAIN_POLL_S)
            buffer.commit()

    def _report(
        self,
        identity: Identity,
        pipeline: Pipeline,
        office: Office,
        buffer: Buffer,
        intake: Intake,
        source: Reopening,
    ) -> Report:
        accounts, counts = pipeline.accounts, pipeline.latency.counts()
        lost = intake.lost + buffer.state().lost
        return Report(
            device=identity.device,
            boot_id=identity.boot_id,
            captured=accounts.captured,
            decided=accounts.decided,
            dropped={reason: count for reason, count in sorted(accounts.dropped.items()) if count},
            buffered=buffer.committed,
            lost=lost,
            pending=buffer.state().pending,
            windows=office.windows,
            drifted_windows=tuple(office.drifted),
            latency_us={
                name: min(quantile(counts, share), pipeline.latency.max_us)
                for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0))
            },
            losses=source.losses,
        )


def run_line(config: Config) -> Report:
    """The short form of ``Line(config).run()``."""
    return Line(config).run()


def load_model(config: Config) -> Model:
    """The configured model, checked; raises ConfigError when the rule names a label that it does not have."""
    model = load(
        config.model.path,
        runtime=config.model.runtime,
        threads=config.model.threads,
        rule=config.rule,
        given=config.given,
    )
    unknown = [label for label in config.decide.reject if label not in model.labels]
    if unknown:
        raise ConfigError(f"decide.reject: the model has no label {unknown[0]!r}; it has {', '.join(model.labels)}")
    return model


def open_buffer(config: Config, model: Model) -> Buffer:
    """The buffer in the state folder; a damaged one is set aside and said."""
    buffer = Buffer(
        config.device.state / "buffer.db",
        model=model.name,
        cap_bytes=config.buffer.cap_mb << 20,
        commit_records=config.buffer.commit_records,
        commit_s=config.buffer.commit_s,
        deliver_predictions=bool(config.sync.broker) and config.sync.predictions,
    )
    if buffer.set_aside is not None:
        log.error("the buffer was damaged; set aside as %s, a new one begins", buffer.set_aside)
    return buffer


def open_watch(config: Config, model: Model) -> DriftWatch | None:
    """None for a model without a drift reference."""
    packed = model.artifact.reference
    if packed is None:
        log.info("%s has no drift reference: drift is not watched; 'edge convert' records one", model.name)
        return None
    return DriftWatch(Reference.from_bytes(packed), config.drift.window, config.drift.alpha)


def open_line_source(uri: str) -> Reopening:
    """A camera that is lost comes back by itself; files have nothing to lose."""
    return Reopening(lambda: open_source(uri))


def open_sync(sync: SyncConfig, buffer: Buffer, identity: Identity) -> Sync | None:
    """None without a broker. Raises ConfigError; a broker that is away is no error."""
    if not sync.broker:
        return None
    transport = make_transport(sync, f"{sync.root}-{identity.device}")
    return Sync(transport, buffer, identity, sync.root, predictions=sync.predictions)


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


def identify(config: Config, model: Model, boot_id: str) -> Identity:
    """Who this device is, in every message."""
    device, manifest = config.device, model.artifact.manifest
    version = manifest.version if manifest else 0
    return Identity(device.id, device.site, device.line, boot_id, model.name, version, model.labels)


@contextmanager
def _locked(state: Path) -> Iterator[None]:
    """One daemon per state folder: two writers would damage the buffer."""
    try:
        state.mkdir(parents=True, exist_ok=True)
        handle = os.open(state / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        reason = error.strerror
        raise StateError(f"{state}: cannot be written ({reason}); expected a folder of this user's") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise StateError(f"{state}: another daemon uses it; stop that one, or set device.state elsewhere") from None
    try:
        yield
    finally:
        os.close(handle)
