"""Commands that ``sync.commands`` may allow."""

from __future__ import annotations

from collections.abc import Sequence

from edge.core.choices import CHANGEABLE
from edge.errors import ConfigError


def check_allowed(allowed: Sequence[str]) -> None:
    """Raises ConfigError for what is no command, or no setting that may be changed while the daemon runs."""
    known = ["status", "doctor", "audit", *(f"set:{setting}" for setting in CHANGEABLE)]
    for name in allowed:
        if name not in known:
            raise ConfigError(f"sync.commands: expected some of {', '.join(known)}, got {name!r}")
