"""The roll-out agent of a running line, and where it is wired in."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from edge.device.config import Config
from edge.device.slots import Slots
from edge.device.slots.trust import trust_of
from edge.device.sync import Sync
from edge.protocol.topics import desired_topic, group_topic

if TYPE_CHECKING:
    from edge.device.deployment.agent import DeploymentAgent
    from edge.device.deployment.stream import ArtifactStream
    from edge.device.slots.install import Installed
    from edge.protocol.desired import Desired


def open_agent(config: Config, sync: Sync | None, slots: Slots) -> DeploymentAgent | None:
    """Before ``sync`` starts. None where the configuration does not want it, or no broker could say anything."""
    if not config.slots.desired or sync is None:
        return None
    from edge.device.deployment.agent import (
        DeploymentAgent,  # here, because not every device pays for what it imports
    )
    from edge.protocol.mqtt import MqttTransport

    transport = sync.transport
    if not isinstance(transport, MqttTransport):
        return None
    root, device = config.sync.root, config.device
    topics = [desired_topic(root, device.id), *(group_topic(root, group) for group in device.groups)]
    agent = DeploymentAgent(slots, topics, partial(_fetch, config, transport), partial(_install, config, slots))
    for topic in topics:
        transport.listen(topic, agent.offer, retained=True)
    agent.start()
    return agent


def _fetch(
    config: Config, transport: object, desired: Desired, start: int, wanted: Callable[[], bool]
) -> ArtifactStream:
    from edge.device.deployment.chunks import ChunkStream
    from edge.device.deployment.web import WebStream
    from edge.protocol.mqtt import MqttTransport

    if desired.url:
        return WebStream(desired, start, wanted, config.sync.ca)
    assert isinstance(transport, MqttTransport)
    client_id = f"{config.device.id}-model"
    return ChunkStream(transport.broker, client_id, config.sync.root, desired, start, wanted)


def _install(config: Config, slots: Slots, path: Path, request: str) -> Installed:
    from edge.device.slots.install import install

    return install(
        slots, trust_of(config), path, attempts=config.slots.attempts, source="roll-out over MQTT", request=request
    )
