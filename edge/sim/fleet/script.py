"""Script of a simulated fleet, in TOML: what happens to which devices, and when.

::

    [[change]]
    devices = "d0004?"              # a pattern of device ids; or site, or line, or several of them
    at_s = 600.0                    # seconds after the start
    until_s = 1800.0                # by default to the end
    ramp_s = 300.0                  # by default at once
    shift = { brightness = -2.0 }   # features, by deviations of the reference
    defects = 0.4                   # share of the parts that the model calls defective

    [[change]]
    line = "line-2"
    at_s = 900.0
    offline = true                  # windows are kept and sent later; or: rolled_back, buffer_full, dropping = 0.2
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from edge.core.structs import build, nearest
from edge.drift import PART_FEATURES
from edge.drift.features import FEATURES
from edge.errors import ConfigError

STEPS = 8
"""A ramp goes in so many steps."""


@dataclass(frozen=True, slots=True)
class Change:
    """See the module's example."""

    at_s: float = field(metadata={"min": 0.0, "max": 1e9})
    devices: str = "*"
    site: str = "*"
    line: str = "*"
    until_s: float | None = field(default=None, metadata={"min": 0.0, "max": 1e9})
    ramp_s: float = field(default=0.0, metadata={"min": 0.0, "max": 1e9})
    shift: dict[str, float] = field(default_factory=dict)
    defects: float | None = field(default=None, metadata={"min": 0.0, "max": 1.0})
    dropping: float = field(default=0.0, metadata={"min": 0.0, "max": 1.0})
    """Share of the frames that are dropped."""
    offline: bool = False
    buffer_full: bool = False
    rolled_back: bool = False
    """At ``at_s``, a new model is tried and rolled back."""

    def concerns(self, device: str, site: str, line: str) -> bool:
        """Whether this device is one of them."""
        pairs = ((device, self.devices), (site, self.site), (line, self.line))
        return all(fnmatchcase(name, pattern) for name, pattern in pairs)

    def strength(self, at_s: float) -> float:
        """From 0 (not yet, or over) to 1, in STEPS along the ramp."""
        if at_s < self.at_s or (self.until_s is not None and at_s >= self.until_s):
            return 0.0
        if not self.ramp_s:
            return 1.0
        return min(1.0, (1 + int(STEPS * (at_s - self.at_s) / self.ramp_s)) / STEPS)


@dataclass(frozen=True, slots=True)
class PartCondition:
    """Condition of a device's parts; devices in the same condition may share windows."""

    shift: tuple[tuple[str, float], ...] = ()
    defects: float | None = None


UNDISTURBED = PartCondition()


@dataclass(frozen=True, slots=True)
class _Script:
    change: tuple[Change, ...] = ()


def load_script(path: Path) -> tuple[Change, ...]:
    """Raises ConfigError that names the file and the key."""
    try:
        changes = build(_Script, tomllib.loads(path.read_text("utf-8"))).change
        for number, change in enumerate(changes):
            _check(f"change[{number}]", change)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file; expected a script of [[change]] tables in TOML") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}); expected TOML in UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from None
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    return changes


def condition(changes: Sequence[Change], at_s: float) -> PartCondition:
    """Condition of a device that these changes concern."""
    active = [(change, strength) for change in changes if (strength := change.strength(at_s))]
    if not active:
        return UNDISTURBED
    shift: dict[str, float] = {}
    defects = None
    for change, strength in active:
        for name, size in change.shift.items():
            shift[name] = shift.get(name, 0.0) + size * strength
        if change.defects is not None:
            defects = change.defects
    return PartCondition(tuple(sorted(shift.items())), defects)


def _check(place: str, change: Change) -> None:
    known = [name for name in FEATURES if name not in PART_FEATURES]
    for name in change.shift:
        if name not in known:
            raise ConfigError(f"{place}.shift: unknown feature {name!r}; {nearest(name, known)}")
    if change.until_s is not None and change.until_s <= change.at_s:
        raise ConfigError(f"{place}.until_s: expected more than at_s ({change.at_s:g}), got {change.until_s:g}")
