"""Search for what the model was trained on: the convention of its pixels and the resize rule, each found under the
other."""

from __future__ import annotations

from dataclasses import dataclass

from converter.data.conversion_data import ConversionData
from converter.data.samples import PixelSamples, join
from converter.loading.classifier import Classifier
from converter.preprocessing.preprocessing import Trial, choose, doubts, search, table
from converter.preprocessing.resizing import ResizeRule, Tried, choose_rule, first_rule, rule_doubts, rules, try_rules
from converter.progress import Progress
from converter.settings import Settings

MOST = 500
"""Pictures on which the conventions are tried."""


@dataclass(frozen=True)
class FoundPreprocessing:
    best: Trial
    trials: tuple[Trial, ...]
    """Trials of the conventions, also of those that disagree with what is given."""
    rule: ResizeRule
    rules: tuple[Tried, ...]
    """Trials of the resize rules; empty where they make no difference."""
    warnings: tuple[str, ...]


def find_preprocessing(
    model: Classifier, material: ConversionData, settings: Settings, progress: Progress
) -> tuple[FoundPreprocessing, ConversionData]:
    """Also the pictures, resized by the rule that was found. Raises ConversionError when there is no clear winner.

    A model that was trained on crops may answer badly on stretched pictures by any convention. So the rule is sought
    with the convention that does best, clear winner or not, and the conventions are tried again under the rule.
    """
    trials = _conventions(model, material, settings, progress)
    likely = max((trial for trial in trials if _given(trial, settings)), key=lambda trial: trial.accuracy)
    first = first_rule(settings)
    found = _rules(model, likely, material, first, progress)
    chosen = choose_rule(found, settings)
    if chosen != first:
        material = material.resized(chosen.of(material.spec), progress)
        trials = _conventions(model, material, settings, progress)
    agreeing = [trial for trial in trials if _given(trial, settings)]
    best = choose(agreeing, _some(material, settings).classes)
    warnings = (*doubts(best, trials), *rule_doubts(found, chosen))
    for warning in warnings:
        progress.say(f"warning: {warning}")
    return FoundPreprocessing(best, tuple(trials), chosen, tuple(found), warnings), material


def _some(material: ConversionData, settings: Settings) -> PixelSamples:
    return join(material.known, material.unseen).at_most(MOST, settings.seed)


def _conventions(model: Classifier, material: ConversionData, settings: Settings, progress: Progress) -> list[Trial]:
    samples = _some(material, settings)
    progress.say(f"finding the preprocessing on {len(samples)} pictures")
    trials = search(model, samples, None, None, progress)
    if not any(_given(trial, settings) for trial in trials):
        trials += search(model, samples, settings.range, settings.colour, progress)
    for line in table(trials):
        progress.say(line)
    return trials


def _given(trial: Trial, settings: Settings) -> bool:
    convention = trial.convention
    return settings.range in (None, convention.range) and settings.colour in (None, convention.colour)


def _rules(
    model: Classifier, likely: Trial, material: ConversionData, first: ResizeRule, progress: Progress
) -> list[Tried]:
    samples = join(material.known, material.unseen)
    every = rules(samples, material.spec, first)
    if len(every) == 1:
        return []
    progress.say(f"finding the resize rule for {likely.convention}")
    found = try_rules(model, likely.convention, samples, material.spec, every, progress)
    for rule, trial in found:
        progress.say(f"  {rule!s:<18}{trial.accuracy:>8.1%}")
    return found
