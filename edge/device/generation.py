"""A cascade's time as the judge of the line, and what the recorder needs for the records of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from edge.device.audit.models import ModelFacts
from edge.device.buffer import JudgingModel
from edge.drift import DriftWatch
from edge.protocol.messages import Identity


@dataclass(frozen=True, slots=True)
class WatchedDrift:
    """The drift of one model at one camera."""

    watch: DriftWatch
    identity: Identity
    camera: str

    @property
    def key(self) -> tuple[str, str, int]:
        """Key of its messages: camera, model and version."""
        return self.camera, self.identity.model, self.identity.model_version


@dataclass(frozen=True, slots=True)
class Generation:
    """``number`` is that of the cascade (:attr:`edge.inference.cascade.Cascade.generation`): later ones are
    greater."""

    number: int
    identity: Identity
    watches: Mapping[tuple[int, int], WatchedDrift] = field(default_factory=dict)
    """By the numbers of camera and model."""
    labels: tuple[tuple[str, ...], ...] = ()
    """Labels of each model in the cascade."""
    facts: ModelFacts = field(default_factory=ModelFacts)

    @property
    def judge(self) -> JudgingModel:
        """Model as the buffer names it."""
        return JudgingModel(self.identity.model, self.identity.model_version, self.identity.labels)
