"""From the words of a command line or a file to the targets."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable
from pathlib import Path

from edge.core.structs import nearest
from edge.errors import ConfigError
from edge.fleet.connector import Connector
from edge.fleet.options import Options

WAYS = {
    "ssh": "edge.fleet.ssh.connector",
    "dir": "edge.fleet.sdcard.connector",
    "mqtt": "edge.fleet.mqtt",
    "mqtts": "edge.fleet.mqtt",
}
"""By scheme: a module with ``open_target(text, options) -> Deliverer``, which raises ConfigError."""
MAX_TARGETS = 10_000


def open_targets(texts: Iterable[str], options: Options) -> list[Connector]:
    """In the given order. Raises ConfigError for a target that is not understood or given twice."""
    opened: dict[str, Connector] = {}
    for text in texts:
        target = open_target(text, options)
        if target.key in opened:
            raise ConfigError(f"{text}: given twice (as {opened[target.key].target}); leave one of them out")
        opened[target.key] = target
    if not 0 < len(opened) <= MAX_TARGETS:
        raise ConfigError(f"targets: expected 1 to {MAX_TARGETS}, got {len(opened)}; name devices, or --targets FILE")
    return list(opened.values())


def open_target(text: str, options: Options) -> Connector:
    """``pi@line-1`` is short for ``ssh://pi@line-1``. Raises ConfigError."""
    scheme = text.partition("://")[0] if "://" in text else "ssh"
    if scheme not in WAYS:
        raise ConfigError(f"{text}: unknown scheme {scheme!r}; {nearest(scheme, list(WAYS))}")
    way = importlib.import_module(WAYS[scheme])
    opened: Connector = way.open_target(text, options)
    return opened


def read_targets(path: Path) -> list[str]:
    """One a line; ``#`` begins a comment. Raises ConfigError."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}); expected one target a line") from None
    targets = [text for line in lines if (text := re.sub(r"(^|\s)#.*", "", line).strip())]
    if not targets:
        raise ConfigError(f"{path}: names no target; expected one a line, as in pi@line-1")
    return targets
