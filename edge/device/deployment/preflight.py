"""A candidate before anybody relies on it: admitted once more, rehearsed in a child process, then loaded."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge.device.assembly import load_first
from edge.device.config import Config
from edge.device.deployment.hot_swap import ActiveModels
from edge.device.deployment.shadow.comparison import ShadowComparison
from edge.device.deployment.shadow.frame_tap import FrameTap
from edge.device.deployment.shadow.job import Worker, rehearse
from edge.device.deployment.shadow.worker import ModelSpec, ShadowModels
from edge.errors import ArtifactError
from edge.inference.artifact import Artifact
from edge.inference.model import Model
from edge.inference.tuning import choose_setup
from edge.trust import Admission, Trust, admit

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Candidate:
    """Fit to be tried on the line."""

    model: Model
    admitted: Admission
    usual_ms: float
    """Usual latency for a picture; 0 where there was no shadow run."""


def audition(
    config: Config, trust: Trust, path: Path, active_models: ActiveModels, go_on: Callable[[], bool]
) -> Candidate:
    """``active_models`` is what judges the line meanwhile, and is looked over the shoulder.

    Raises ArtifactError with the reason when the candidate is unfit, MissingError, ConfigError; Interrupted when
    ``go_on`` says no.
    """
    # Whether it may be an older version was decided when it was put into the slot.
    admitted = admit(path, trust, allow_downgrade=True)
    comparison = (
        _rehearsed(config, admitted.artifact, active_models, go_on) if config.slots.shadow else ShadowComparison()
    )
    objection = comparison.objection(config.slots, min(source.deadline_ms for source in config.source))
    if objection:
        raise ArtifactError(objection)
    if comparison.n:
        active_ms, new_ms = comparison.ms
        log.info(
            "rehearsed %s v%d on %d pictures: agrees on %.0f%%, takes %.1f ms, the active model %.1f ms",
            admitted.model,
            admitted.version,
            comparison.n,
            100 * comparison.agreement,
            new_ms,
            active_ms,
        )
    return Candidate(load_first(config, path), admitted, comparison.ms[1])


def _rehearsed(
    config: Config, artifact: Artifact, active_models: ActiveModels, go_on: Callable[[], bool]
) -> ShadowComparison:
    tap, golden = FrameTap(), artifact.golden.images if artifact.golden else ()
    with Worker(_cast(config, artifact, active_models)) as child:
        for cascade in active_models.cascades:
            cascade.show_pictures_to(tap.put)
        try:
            return rehearse(child, tap, golden, config.slots, go_on)
        finally:
            for cascade in active_models.cascades:
                cascade.show_pictures_to(None)


def _cast(config: Config, artifact: Artifact, active_models: ActiveModels) -> ShadowModels:
    active, state = active_models.cascades[0].models[0], config.device.state
    given = config.model if active.artifact.manifest is None else None
    return ShadowModels(
        active=ModelSpec(
            active.artifact.path,
            active.interpreter.setup,
            given.labels if given else None,
            given.colour if given else None,
            given.range if given else None,
        ),
        new=ModelSpec(artifact.path, choose_setup(artifact.path, artifact.sha256, config.model.wanted, state).setup),
        reject=config.decide.reject,
        min_score=config.decide.min_score,
    )
