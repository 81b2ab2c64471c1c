"""One part that was kept for a person to label: what the model said of it, and why it was kept."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Literal, get_args

from edge.core.structs import build, plain
from edge.drift.watch.performance import RANDOM
from edge.errors import ConfigError

Why = Literal["random", "requested", "uncertain", "outlying"]
STRATA: tuple[Why, ...] = get_args(Why)
"""A sample belongs to the first of these that is among its reasons, so that the random ones are complete."""
assert STRATA[0] == RANDOM

SCORES_MOST = 16
"""Labels whose scores are kept, the best: a model of a thousand classes would fill the folder with text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedPart:
    """``(device, boot_id, seq)`` is the key of its record."""

    why: tuple[Why, ...]
    """In the order of STRATA; at least one."""
    device: str
    boot_id: str
    seq: int = field(metadata={"min": 0})
    camera: str = ""
    """Name of the camera."""
    part: int = 0
    captured_ns: int = 0
    """Monotonic clock at capture."""
    wall_ns: int = 0
    """Wall clock at capture."""
    model: str
    model_version: int = 0
    label: str
    """Label that the model gave."""
    score: float
    scores: dict[str, float] = field(default_factory=dict)
    """The best SCORES_MOST of them, by label."""
    rejected: bool = False
    draw: float = 1.0
    """See :class:`edge.device.audit.draw.Draw`."""
    share: float = 0.0
    """``audit.share`` at that time."""
    request: str = ""
    """Name of whoever requested it, where it was requested."""

    @property
    def id(self) -> str:
        """``BOOT-SEQ``: the stem of its files."""
        return f"{self.boot_id}-{self.seq}"

    @property
    def stratum(self) -> Why:
        return self.why[0]

    def to_json(self) -> bytes:
        """One line."""
        return json.dumps(plain(self), separators=(",", ":"), ensure_ascii=False).encode() + b"\n"

    @classmethod
    def from_dict(cls, fields: object) -> AuditedPart:
        """Keys that a newer device adds are passed over. Raises ConfigError."""
        sample = build(cls, fields, "sample", strict=False)
        if not sample.why:
            raise ConfigError(f"sample.why: expected at least one of {', '.join(STRATA)}")
        return sample

    @classmethod
    def from_json(cls, data: bytes) -> AuditedPart:
        """Raises ConfigError."""
        try:
            return cls.from_dict(json.loads(data))
        except ValueError as error:
            if isinstance(error, ConfigError):
                raise
            raise ConfigError(f"sample: not JSON: {error}") from None
