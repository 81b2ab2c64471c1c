"""Options of the connectors: one dataclass for each way, which the command line fills in."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class SshOptions:
    """For ``ssh://`` and plain host names."""

    edge: str = "edge"
    """The command on the device, in its shell's words: ``sudo -n -u edge edge``."""
    ssh_config: Path | None = None
    """In place of ``~/.ssh/config``."""
    extra: tuple[str, ...] = ()
    """``Key=value``, each given to ssh with ``-o``."""
    connect_s: float = 10.0


@dataclass(frozen=True, slots=True)
class FolderOptions:
    """For ``dir://``."""

    trust: tuple[Path, ...] = ()
    """Public keys that the device is to trust."""
    config_file: Path | None = None
    """The configuration, where the root folder has none yet."""


@dataclass(frozen=True, slots=True)
class MqttOptions:
    """For ``mqtt://`` and ``mqtts://``: a broker, and which of the devices there."""

    devices: tuple[str, ...] = ()
    group: str = ""
    everyone: bool = False
    """One of these three says which."""
    stages: str = "1,10%,100%"
    """Number of devices that have the model at the end of each stage."""
    max_failures: int = 0
    """More failed trials than that end the roll-out."""
    url: str = ""
    """Where devices fetch the artifact; empty: from chunks at the broker."""
    root: str = "edge"
    """First level of every topic."""
    user: str = ""
    password_file: Path | None = None
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None


@dataclass(frozen=True, slots=True)
class Options:
    config: str = "/etc/edge/edge.toml"
    """The device's configuration, where the device has it."""
    timeout_s: float = 600.0
    """For each target, from the first byte to the end of its trial."""
    ssh: SshOptions = field(default_factory=SshOptions)
    folder: FolderOptions = field(default_factory=FolderOptions)
    mqtt: MqttOptions = field(default_factory=MqttOptions)
