"""How the targets are reached: one dataclass for each way, which the command line fills in."""

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
class Options:
    config: str = "/etc/edge/edge.toml"
    """The device's configuration, where the device has it."""
    timeout_s: float = 600.0
    """For each target, from the first byte to the end of its trial."""
    ssh: SshOptions = field(default_factory=SshOptions)
    folder: FolderOptions = field(default_factory=FolderOptions)
