"""From an artifact to many devices: over SSH, over MQTT, or into a root folder for the first boot."""

from edge.flash.deliverer import Deliverer, Result, Running, Seen, Step, Tell
from edge.flash.opening import open_target, open_targets, read_targets
from edge.flash.options import FolderOptions, MqttOptions, Options, SshOptions
from edge.flash.parcel import Parcel

__all__ = [
    "Deliverer",
    "FolderOptions",
    "MqttOptions",
    "Options",
    "Parcel",
    "Result",
    "Running",
    "Seen",
    "SshOptions",
    "Step",
    "Tell",
    "open_target",
    "open_targets",
    "read_targets",
]
