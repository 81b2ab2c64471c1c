"""Which resize rule a model was trained with, where the pictures let it make a difference.

Stretching by mipmap is what the device does unless another rule finds significantly more labels again (exact McNemar
test, 1 % divided by the number of other rules, after C. E. Bonferroni): a wrong rule usually costs little, so the
burden of proof is on the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np

from converter.data.samples import PixelSamples, tensors
from converter.loading.classifier import Classifier
from converter.preprocessing.conventions import Convention
from converter.preprocessing.preprocessing import SIGNIFICANCE, Trial, significantly_better, tried
from converter.progress import Progress
from converter.settings import Settings
from edge.core.choices import Interpolation, Resize
from edge.inference.artifact.manifest import InputSpec

MOST = 200
"""Pictures on which the rules are tried; each is held in memory once per rule."""
SAME_ASPECT = 0.02
"""Cropping or padding less than this share of the width is stretching."""


@dataclass(frozen=True, slots=True)
class ResizeRule:
    """Resize rule as the command line names it."""

    resize: Resize = "stretch"
    interpolation: Interpolation = "mipmap"

    def __str__(self) -> str:
        return f"{self.resize} {self.interpolation}"

    def of(self, spec: InputSpec) -> InputSpec:
        """The same input, resized by this rule."""
        return replace(spec, resize=self.resize, interpolation=self.interpolation)

    def given(self, settings: Settings) -> bool:
        """Whether it agrees with what is given."""
        return settings.resize in (None, self.resize) and settings.interpolation in (None, self.interpolation)


Tried = tuple[ResizeRule, Trial]


def first_rule(settings: Settings) -> ResizeRule:
    """Resize rule that is taken while nothing speaks against it."""
    usual = ResizeRule()
    return ResizeRule(settings.resize or usual.resize, settings.interpolation or usual.interpolation)


def rules(samples: PixelSamples, spec: InputSpec, first: ResizeRule) -> list[ResizeRule]:
    """Those that make a difference on these pictures, ``first`` at the head."""
    height, width = samples.shapes[:, 0], samples.shapes[:, 1]
    if ((height == spec.height) & (width == spec.width)).all():
        return [first]
    aspect = (width / height) / (spec.width / spec.height)
    kinds = get_args(Resize) if (np.abs(aspect - 1) > SAME_ASPECT).any() else (first.resize,)
    # Area and mipmap differ by about a grey level: one of them is enough to know.
    ways: tuple[Interpolation, ...] = (first.interpolation, "mipmap" if first.interpolation == "linear" else "linear")
    every = [ResizeRule(resize, way) for resize in kinds for way in ways]
    return [first, *(rule for rule in every if rule != first)]


def try_rules(
    model: Classifier,
    convention: Convention,
    samples: PixelSamples,
    spec: InputSpec,
    every: Sequence[ResizeRule],
    progress: Progress,
) -> list[Tried]:
    """Each rule with the same convention on the same pictures."""
    some = samples.at_most(MOST, seed=0)
    ways = tensors(some.paths, [rule.of(spec) for rule in every], progress)
    each = [(pixels, convention) for pixels in ways]
    trials = tried(model, each, some.classes, progress, "tried a resize rule")
    return list(zip(every, trials, strict=True))


def choose_rule(found: Sequence[Tried], settings: Settings) -> ResizeRule:
    """The best of those that agree with what is given and are significantly better than the first; else the first."""
    if not found:
        return first_rule(settings)
    agreeing = [(rule, trial) for rule, trial in found if rule.given(settings)]
    better = _better(found[0][1], agreeing)
    return max(better, key=lambda one: one[1].accuracy)[0] if better else found[0][0]


def rule_doubts(found: Sequence[Tried], chosen: ResizeRule) -> list[str]:
    """Objections to a resize rule that was given: another that is significantly better."""
    trials = dict(found)
    better = _better(trials[chosen], found) if found else []
    if not better:
        return []
    rule, trial = max(better, key=lambda one: one[1].accuracy)
    return [
        f"resize rule {chosen} was given, but {rule} finds significantly more labels again ({trial.accuracy:.1%} "
        f"against {trials[chosen].accuracy:.1%} of {len(trial.right)} pictures); check --resize and --interpolation"
    ]


def _better(than: Trial, found: Sequence[Tried]) -> list[Tried]:
    level = SIGNIFICANCE / max(1, len(found) - 1)
    return [(rule, trial) for rule, trial in found if significantly_better(trial, than, level)]
