"""A chain's time as the judge of the line, and what the back office needs for the records of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from edge.audit.models import ModelFacts
from edge.buffer import Judge
from edge.drift import DriftWatch
from edge.messages import Identity


@dataclass(frozen=True, slots=True)
class Watched:
    """The drift of one model at one camera."""

    watch: DriftWatch
    identity: Identity
    camera: str

    @property
    def key(self) -> tuple[str, str, int]:
        """As in its messages: camera, model and version."""
        return self.camera, self.identity.model, self.identity.model_version


@dataclass(frozen=True, slots=True)
class Tenure:
    """``number`` is that of the chain (:attr:`edge.chain.Chain.tenure`): later ones are greater."""

    number: int
    identity: Identity
    watches: Mapping[tuple[int, int], Watched] = field(default_factory=dict)
    """By the numbers of camera and model."""
    labels: tuple[tuple[str, ...], ...] = ()
    """Of each model in the chain."""
    facts: ModelFacts = field(default_factory=ModelFacts)

    @property
    def judge(self) -> Judge:
        """As the buffer has it."""
        return Judge(self.identity.model, self.identity.model_version, self.identity.labels)
