"""A whole line from one configuration: cameras, models, gate, buffer, drift, sync."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from edge.core.guard import GuardedThread, reason
from edge.device.assembly import (
    CameraLane,
    open_auditor,
    open_buffer,
    open_camera_health,
    open_generation,
    open_lanes,
    open_sync,
)
from edge.device.buffer import Buffer
from edge.device.buffer.lock import locked
from edge.device.commands.factory import open_command_server
from edge.device.config import Config
from edge.device.deployment import DeploymentController, StartModels, begin
from edge.device.deployment.controller import Ways
from edge.device.deployment.factory import open_agent
from edge.device.deployment.hot_swap import ActiveModels, HotSwap
from edge.device.health.collector import HealthCollector
from edge.device.pipeline import Intake, steady
from edge.device.pipeline.pinning import reserved
from edge.device.recorder import Recorder
from edge.device.report import LineReport, closing_report
from edge.device.service.watchdog import Watchdog
from edge.device.slots import FOLDER, Slots
from edge.device.status import page
from edge.device.status.service import StatusService
from edge.device.sync import Sync
from edge.errors import ArtifactError, EdgeError
from edge.gates import Gate, NoGate, open_gate
from edge.inference.cascade import Cascade
from edge.protocol.messages import Identity, SlotsMessage

if TYPE_CHECKING:
    from edge.device.commands.server import CommandServer
    from edge.device.deployment.agent import DeploymentAgent

log = logging.getLogger(__name__)

GOODBYE_S = 1.0
"""After a signal, time for what is still to be sent; the buffer keeps the rest."""
DRAIN_S = 10.0
"""After a source that ended by itself, how long undelivered entries may keep the process: a broker that is away may
come back."""
DRAIN_POLL_S = 0.05
HEAR_S = 0.5
"""Between two chances of the main thread to hear a signal."""
FLUSH_S = 0.3
"""For what was decided, before a process that hangs in a model on trial is ended."""


@dataclass(frozen=True, slots=True)
class LineServices:
    """Services for the cameras while they judge; running, but for recorder and deployment controller."""

    identity: Identity
    intake: Intake
    gate: Gate
    recorder: Recorder
    collector: HealthCollector
    deployment: DeploymentController
    sync: Sync | None
    command_server: CommandServer | None
    agent: DeploymentAgent | None


class Line:
    """Judges until the sources end or :meth:`stop` is called, from any thread or a signal handler."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._lanes: tuple[CameraLane, ...] = ()
        self._stopped = False
        self._failure: Exception | None = None

    def stop(self) -> None:
        """Ends :meth:`run` soon, with everything flushed."""
        self._stopped = True
        for lane in self._lanes:
            lane.pipeline.stop()

    def run(self) -> LineReport:
        """Raises ConfigError, ArtifactError, SourceError, StateError or MissingError, each before a frame is judged;
        SourceError also when a source is lost for good, after everything was flushed.
        """
        config = self._config
        state = config.device.state
        cores = [source.core for source in config.source if source.core is not None]
        with (
            locked(state),
            closing(open_gate(config.gate, len(config.source))) as gate,
            reserved(cores),
            closing(StatusService(state, config.health.prometheus)) as status,
        ):
            # The gate before all that may fail: a daemon that cannot start closes what an earlier one left open.
            status.serve_gate(gate)
            slots = Slots(state / FOLDER)
            start = begin(config, slots)
            buffer = open_buffer(config)
            try:
                return self._judge(slots, start, buffer, status, gate)
            finally:
                buffer.close()

    def _judge(
        self, slots: Slots, start: StartModels, buffer: Buffer, status: StatusService, gate: Gate
    ) -> LineReport:
        station = self._open_station(slots, start, buffer, gate)
        collector, lanes = station.collector, self._lanes
        station.recorder.start()
        station.deployment.start()
        status.start(lambda: collector.latest)
        try:
            pipelines = [lane.pipeline for lane in lanes]
            with steady(), Watchdog(pipelines, lambda: page.headline(collector.latest)):
                self._run_lanes(lanes)
        finally:
            self._close(station, buffer)
        if self._failure is not None:
            raise self._failure
        return closing_report(station.identity, lanes, station.recorder, buffer, station.intake, station.gate)

    def _open_station(self, slots: Slots, start: StartModels, buffer: Buffer, gate: Gate) -> LineServices:
        """No cascade stays in a variable of ours: a model that is swapped away has to leave the memory."""
        config, cascade = self._config, start.take()
        generation = open_generation(config, cascade, buffer.boot_id)
        identity = generation.identity
        sync = open_sync(config.sync, buffer, identity)
        intake = Intake()
        lanes = self._lanes = open_lanes(config, cascade, gate, intake)
        camera_health = open_camera_health(config, lanes, identity)
        collector = HealthCollector(
            identity, [lane.counts(camera_health) for lane in lanes], intake, buffer, sync, _told(gate)
        )
        auditor = open_auditor(config, generation)
        recorder = Recorder(
            intake=intake,
            buffer=buffer,
            generation=generation,
            collector=collector,
            camera_health=camera_health,
            sync=sync,
            health_interval_s=config.health.interval_s,
            auditor=auditor,
        )
        _log_start(config, cascade)
        if self._stopped:
            self.stop()
        agent, command_server = open_agent(config, sync, slots), None
        if sync is not None:
            command_server = open_command_server(
                config.sync, sync, recorder, collector, buffer, identity, auditor.folder
            )
            sync.start()
        active_models = ActiveModels(tuple(lane.pipeline.cascade for lane in lanes), generation)
        deployment = self._open_deployment(slots, start, active_models, recorder, collector, sync, gate)
        return LineServices(identity, intake, gate, recorder, collector, deployment, sync, command_server, agent)

    def _close(self, station: LineServices, buffer: Buffer) -> None:
        """The gate before anything that a disk or a thread may hold up, then what makes entries, then what sends
        them."""
        station.gate.close()
        if station.agent is not None:
            station.agent.stop()
        station.deployment.stop()
        station.recorder.finish()
        if station.sync is not None:
            self._wait_until_delivered(buffer)
            station.sync.stop(GOODBYE_S)
        if station.command_server is not None:
            station.command_server.close()
        buffer.commit()

    def _open_deployment(
        self,
        slots: Slots,
        start: StartModels,
        active_models: ActiveModels,
        recorder: Recorder,
        collector: HealthCollector,
        sync: Sync | None,
        gate: Gate,
    ) -> DeploymentController:
        def tell(message: SlotsMessage) -> None:
            collector.note_slots(message)
            if sync is not None:
                sync.send_slots(message)

        def hung(why: str) -> NoReturn:
            log.critical("%s; this process ends, for its supervisor to start anew", why)
            gate.close()
            recorder.flush(FLUSH_S)
            os._exit(ArtifactError.exit_status)

        pipelines = [lane.pipeline for lane in self._lanes]
        switch = HotSwap(
            pipelines,
            recorder,
            partial(open_generation, self._config, boot_id=active_models.generation.identity.boot_id),
        )
        return DeploymentController(
            self._config, slots, start, active_models, switch, recorder, Ways(tell, hung, self._fail)
        )

    def _fail(self, error: EdgeError) -> None:
        self._failure = self._failure or error
        self.stop()

    def _run_lanes(self, lanes: Sequence[CameraLane]) -> None:
        """Each in a thread of its own, until all have ended; one that fails ends them all."""
        threads = [
            GuardedThread(self._run_lane, f"line-{lane.name}", args=(lane,), rescue=self._end, again=False)
            for lane in lanes
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            # Not without a limit: a signal that comes just before the wait is heard after it.
            while thread.is_alive():
                thread.join(HEAR_S)

    def _run_lane(self, lane: CameraLane) -> None:
        try:
            lane.pipeline.run()
        except Exception as error:
            self._failure = self._failure or error
            self.stop()

    def _end(self, error: BaseException) -> None:
        self._fail(EdgeError(f"a line's thread died ({reason(error)})"))

    def _wait_until_delivered(self, buffer: Buffer) -> None:
        until = time.monotonic() + DRAIN_S
        while not self._stopped and buffer.state().pending and time.monotonic() < until:
            time.sleep(DRAIN_POLL_S)
            buffer.commit()


def run_line(config: Config) -> LineReport:
    """The short form of ``Line(config).run()``."""
    return Line(config).run()


def _log_start(config: Config, cascade: Cascade) -> None:
    for model in cascade.models:
        log.info("%s on %s", model.name, model.running)
        if model.artifact.reference is None:
            log.info("%s has no drift reference: drift is not watched; 'edge convert' records one", model.name)
    for source in config.source:
        log.info("judging %s with %s", source.uri, cascade.name)


def _told(gate: Gate) -> Gate | None:
    """A line that only watches has no gate to report on."""
    return None if isinstance(gate, NoGate) else gate
