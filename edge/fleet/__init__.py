"""From an artifact to many devices: over SSH, over MQTT, or into a root folder for the first boot."""

from edge.fleet.bundle import Bundle
from edge.fleet.connector import Connector, DeployResult, DeployStep, Inspection, Tell
from edge.fleet.factory import open_target, open_targets, read_targets
from edge.fleet.options import FolderOptions, MqttOptions, Options, SshOptions

__all__ = [
    "Bundle",
    "Connector",
    "DeployResult",
    "DeployStep",
    "FolderOptions",
    "Inspection",
    "MqttOptions",
    "Options",
    "SshOptions",
    "Tell",
    "open_target",
    "open_targets",
    "read_targets",
]
