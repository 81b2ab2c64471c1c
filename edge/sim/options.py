"""Options of a simulated line: the URI, its typed options and the script of changes.

::

    sim://line?seed=7&fps=30&defects=0.2&at=400:light=0.55&at=600:blur=2;cast=1,1,0.8

``at=PART:key=value[;key=value...]``, as often as wanted, changes the conditions from that part on, until a
later change of the same key. The keys are the fields of :class:`Conditions`; lists are split by commas.
"""

from __future__ import annotations

import bisect
import contextlib
import dataclasses
import typing
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

from edge.core.structs import build, from_texts
from edge.errors import ConfigError

Defect = Literal["cracked", "burnt", "broken", "missing_topping"]
DEFECTS: tuple[Defect, ...] = typing.get_args(Defect)
LABELS = ("whole", *DEFECTS)
EXAMPLE = "sim://line?seed=7&fps=30&at=400:light=0.55"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """Conditions that may change while the line runs."""

    light: float = field(default=1.0, metadata={"min": 0, "max": 4})
    """Gain of all pixel values; 0.5 is half as bright."""
    blur: float = field(default=0.0, metadata={"min": 0, "max": 20})
    """Standard deviation of a Gaussian blur, pixels."""
    noise: float = field(default=3.0, metadata={"min": 0, "max": 100})
    """Standard deviation of the sensor's noise, grey levels."""
    cast: tuple[float, ...] = (1.0, 1.0, 1.0)
    """Gains of blue, green and red."""
    defects: float = field(default=0.15, metadata={"min": 0, "max": 1})
    """Share of parts that have a defect."""
    kinds: tuple[Defect, ...] = DEFECTS
    """The kinds of defect that occur, equally likely."""

    def __post_init__(self) -> None:
        if len(self.cast) != 3 or not all(0 <= gain <= 4 for gain in self.cast):
            shown = ",".join(f"{gain:g}" for gain in self.cast)
            raise ConfigError(f"cast: expected three gains from 0 to 4 (blue,green,red), got {shown}")
        if not self.kinds:
            raise ConfigError("kinds: expected at least one kind of defect; defects=0 draws none")


@dataclass(frozen=True, slots=True, kw_only=True)
class LineOptions(Conditions):
    """All options of ``sim://line``: the conditions at part 0, and what stays as it is."""

    seed: int = field(default=0, metadata={"min": 0, "max": 2**63 - 1})
    fps: float = field(default=30.0, metadata={"min": 0.01, "max": 1000})
    """Frames per second; with ``trigger=part`` also parts per second."""
    count: int = field(default=0, metadata={"min": 0, "max": 2**53})
    """Frames until the end; 0 never ends."""
    width: int = field(default=320, metadata={"min": 32, "max": 2048})
    height: int = field(default=240, metadata={"min": 32, "max": 2048})
    pace: Literal["real", "fast"] = "real"
    """``fast`` waits for its reader instead of the clock, and loses no frame."""
    trigger: Literal["part", "free"] = "part"
    """``part``: a photo-eye triggers one frame per part. ``free``: frames at ``fps``, whatever is in view."""
    speed: float = field(default=300.0, metadata={"min": 0, "max": 10_000})
    """Belt speed in mm/s for ``trigger=free``; with ``trigger=part`` it follows from ``fps``."""
    at: tuple[str, ...] = ()
    """The script, one ``PART:key=value[;key=value...]`` each."""

    def __post_init__(self) -> None:
        Conditions.__post_init__(self)
        Schedule(self)


class Schedule:
    """The conditions at each part: those of part 0, then the script's changes. Raises ConfigError."""

    def __init__(self, options: LineOptions) -> None:
        settings = {f.name: getattr(options, f.name) for f in dataclasses.fields(Conditions)}
        self._parts = [0]
        self._conditions = [Conditions(**settings)]
        for part, change in sorted(map(_change, options.at), key=lambda item: item[0]):
            settings |= change
            with _located(f"at={part}: "):
                self._conditions.append(build(Conditions, settings))
            self._parts.append(part)

    def __call__(self, part: int) -> Conditions:
        return self._conditions[bisect.bisect_right(self._parts, part) - 1]


def parse(uri: str) -> LineOptions:
    """The options in ``sim://line?key=value&...``. Raises ConfigError that names the key and the nearest one."""
    parts = urlsplit(uri)
    if (parts.scheme, parts.netloc, parts.path, parts.fragment) != ("sim", "line", "", ""):
        raise ConfigError(f"{uri}: expected sim://line?key=value&..., for example {EXAMPLE}")
    query = parse_qsl(parts.query, keep_blank_values=True)
    with _located("sim://line: "):
        values = from_texts(LineOptions, (pair for pair in query if pair[0] != "at"))
        return build(LineOptions, values | {"at": [text for key, text in query if key == "at"]})


def _change(entry: str) -> tuple[int, dict[str, Any]]:
    part, colon, settings = entry.partition(":")
    if not (part.isdecimal() and colon):
        raise ConfigError(f"at: expected PART:key=value[;key=value], for example 400:light=0.55, got {entry!r}")
    with _located(f"at={part}: "):
        return int(part), from_texts(Conditions, (item.partition("=")[::2] for item in settings.split(";")))


@contextlib.contextmanager
def _located(place: str) -> Iterator[None]:
    try:
        yield
    except ConfigError as error:
        raise ConfigError(f"{place}{error}") from None
