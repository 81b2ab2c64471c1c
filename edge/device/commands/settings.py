"""Settings that may be changed while the daemon runs. They hold until the next start: the file stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from edge.core.structs import build
from edge.device.config import BufferConfig, HealthConfig, SyncConfig
from edge.protocol.request import Request

Setter = Callable[[Any], None]

_SECTIONS: dict[str, type] = {"buffer": BufferConfig, "health": HealthConfig, "sync": SyncConfig}


def change(setters: Mapping[str, Setter], request: Request) -> dict[str, Any]:
    """Checks the value as the configuration file would be, and sets it. Raises ConfigError."""
    section, _, name = request.setting.partition(".")
    value = getattr(build(_SECTIONS[section], {name: request.value}, section), name)
    setters[request.setting](value)
    return {"setting": request.setting, "value": value, "until": "the next start"}
