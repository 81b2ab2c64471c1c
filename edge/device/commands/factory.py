"""The command_server of a running line: what each command does, and where it is wired in."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from edge.core.structs import plain
from edge.device.audit import AuditFolder
from edge.device.buffer import Buffer
from edge.device.commands.server import CommandServer
from edge.device.commands.settings import Setter, change
from edge.device.config import SyncConfig
from edge.device.health.collector import HealthCollector
from edge.device.recorder import Recorder
from edge.device.sync import Sync, Transport
from edge.protocol.messages import Identity
from edge.protocol.request import Request
from edge.protocol.topics import ANSWERS, COMMANDS, command_topic
from edge.protocol.transport import Outgoing

Answers = deque[Outgoing]


def open_command_server(
    config: SyncConfig,
    sync: Sync,
    recorder: Recorder,
    collector: HealthCollector,
    buffer: Buffer,
    identity: Identity,
    audits: AuditFolder,
) -> CommandServer | None:
    """Before ``sync`` starts. None where no command is allowed, or where none can come."""
    if not config.commands:
        return None
    from edge.protocol.mqtt import MqttTransport  # here, because not every device pays for paho's import

    transport: Transport = sync.transport
    if not isinstance(transport, MqttTransport):
        return None
    handlers = _handlers(sync, recorder, collector, buffer, audits)
    command_server = CommandServer(
        handlers, config.commands, command_topic(config.root, identity.device, ANSWERS), sync.answers
    )
    transport.listen(command_topic(config.root, identity.device, COMMANDS), command_server.offer)
    return command_server


def _handlers(
    sync: Sync, recorder: Recorder, collector: HealthCollector, buffer: Buffer, audits: AuditFolder
) -> dict[str, Callable[[Request], Any]]:
    def predictions(wanted: bool) -> None:
        buffer.deliver_predictions(wanted)
        sync.set_predictions(wanted)

    setters: dict[str, Setter] = {
        "buffer.commit_s": buffer.set_commit_interval,
        "health.interval_s": recorder.set_health_interval,
        "sync.predictions": predictions,
        "sync.backlog_rate": sync.set_backlog_rate,
    }
    return {
        "status": lambda request: {
            "health": plain(collector.latest.health),
            "problems": list(collector.latest.problems),
        },
        "doctor": lambda request: _doctor(),
        "set": lambda request: change(setters, request),
        "audit": lambda request: _audit(audits, request),
    }


def _doctor() -> list[dict[str, Any]]:
    from edge.device.doctor import check_device

    return [plain(finding) for finding in check_device()]


def _audit(audits: AuditFolder, request: Request) -> dict[str, Any]:
    audits.request(request.count, request.id)
    return {"count": request.count, "topic": "audit"}
