"""Quality of each model according to the true labels.

Only the random samples speak of the line. Where ``audit.share`` was changed, parts of some days were likelier to be
drawn than those of others; of these, as many are left out as make the share the least one everywhere. That is exact,
because a smaller share's sample is part of a larger one's (:class:`edge.device.audit.draw.Draw`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.device.audit.answers import Label, everything
from edge.device.audit.models import ModelFacts, labels_of, model_key, read_models
from edge.device.audit.sample import STRATA
from edge.drift.pane import AuditedLabel
from edge.drift.watch.performance import RANDOM, ConceptWatch, Performance, Share

RUN_LENGTH = 1000.0
"""Audits between two false alarms, at least, on average."""


@dataclass(frozen=True, slots=True)
class Concept:
    """Whether errors have become more frequent than the model's evaluation makes credible."""

    limit: float
    """Highest share of errors that the evaluation leaves credible."""
    evidence: float
    """Evidence of the labels since the last alarm, over what an alarm needs."""
    alarms_ns: tuple[int, ...]
    """When the part was captured whose label gave the alarm, wall clock."""


@dataclass(frozen=True, slots=True)
class Stratum:
    samples: int
    """Kept, exported or labelled."""
    right: Share
    """Share of right ones among the labelled."""


@dataclass(frozen=True, slots=True)
class AuditedModel:
    model: str
    version: int
    performance: Performance
    """Performance on the random samples."""
    left_out: int
    """Labelled random samples that are not counted, see above."""
    strata: dict[str, Stratum]
    concept: Concept | None
    """None where the model says nothing of its evaluation, or nothing is labelled."""

    @property
    def alarmed(self) -> bool:
        return self.concept is not None and bool(self.concept.alarms_ns)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        concept = self.concept
        strata = {
            name: {"samples": one.samples, "labelled": one.right.n, "errors": one.right.n - one.right.hits}
            for name, one in self.strata.items()
        }
        return {
            "model": self.model,
            "version": self.version,
            "performance": self.performance.to_dict(),
            "left_out": self.left_out,
            "strata": strata,
            "concept": None
            if concept is None
            else {"limit": concept.limit, "evidence": concept.evidence, "alarms_ns": list(concept.alarms_ns)},
        }


def report(folder: Path, run_length: float = RUN_LENGTH) -> list[AuditedModel]:
    """One for each model and version, the latest sample's last. Raises StateError."""
    groups: dict[tuple[str, int], list[Label]] = defaultdict(list)
    for answer in everything(folder).values():
        groups[answer.sample.model, answer.sample.model_version].append(answer)
    models = read_models(folder)
    return [
        _of_model(name, version, answers, models.get(model_key(name, version)), run_length)
        for (name, version), answers in sorted(groups.items(), key=lambda item: item[1][-1].sample.wall_ns)
    ]


def _of_model(
    name: str, version: int, answers: Sequence[Label], facts: ModelFacts | None, run_length: float
) -> AuditedModel:
    labelled = [answer for answer in answers if answer.true is not None]
    random = [answer for answer in labelled if answer.sample.stratum == RANDOM]
    fair = evenly_drawn(random)
    seen = {text for answer in labelled for text in (answer.sample.label, answer.true) if text is not None}
    labels = labels_of(facts, seen)
    return AuditedModel(
        name,
        version,
        Performance.of(_audits(fair, labels), labels),
        len(random) - len(fair),
        {stratum: _stratum(answers, stratum) for stratum in STRATA},
        _concept(random, facts, run_length),
    )


def evenly_drawn(answers: Sequence[Label]) -> list[Label]:
    """Those random samples that the least share among them would have drawn, too."""
    least = min((answer.sample.share for answer in answers), default=0.0)
    return [answer for answer in answers if answer.sample.draw < least]


def _audits(answers: Sequence[Label], labels: Sequence[str]) -> Counter[AuditedLabel]:
    place = {label: number for number, label in enumerate(labels)}
    return Counter((RANDOM, place[a.sample.label], place[a.true]) for a in answers if a.true is not None)


def _stratum(answers: Sequence[Label], stratum: str) -> Stratum:
    own = [answer for answer in answers if answer.sample.stratum == stratum]
    return Stratum(
        len(own), Share(sum(answer.right for answer in own), sum(answer.true is not None for answer in own))
    )


def _concept(random: Sequence[Label], facts: ModelFacts | None, run_length: float) -> Concept | None:
    """Over all random samples: the order counts here, and a share that changes does no harm."""
    if facts is None or not facts.n or not random:
        return None
    watch = ConceptWatch(min(facts.errors, facts.n), facts.n, run_length)
    alarms = tuple(answer.sample.wall_ns for answer in random if watch.add(not answer.right))
    return Concept(watch.limit, watch.evidence, alarms)
