"""Secrets that the service manager hands over: ``credential:edge.key`` where a configuration expects a path.

systemd reads ``LoadCredential=edge.key`` from a folder that only root can read, and gives the service its own copy
in ``$CREDENTIALS_DIRECTORY`` (systemd.exec(5), "Credentials").
"""

from __future__ import annotations

import os
from pathlib import Path

from edge.errors import ConfigError

PREFIX = "credential:"
STORE = Path("/etc/credstore")
"""Where systemd takes them from: what commands see that root runs by hand, beside the service."""


def located(path: Path, folder: Path) -> Path:
    """The file that a configuration in ``folder`` means. Raises ConfigError for a credential without a name."""
    text = str(path)
    if not text.startswith(PREFIX):
        return folder / path
    name = text.removeprefix(PREFIX)
    if not name or "/" in name or name.startswith("."):
        raise ConfigError(f"{text}: expected the name of a credential, such as {PREFIX}edge.key")
    return _store() / name


def awaited(*paths: Path | None) -> list[Path]:
    """Those of ``paths`` that are credentials and are not there yet: a device that is still to be enrolled."""
    return [path for path in paths if path is not None and path.parent == _store() and not path.exists()]


def _store() -> Path:
    return Path(os.environ.get("CREDENTIALS_DIRECTORY") or STORE)
