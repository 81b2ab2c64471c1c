"""Tries every recipe on the evaluation pictures and takes the lightest that keeps the accuracy asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from converter.choices import EPOCHS, Quantize
from converter.data.dataset import at_most
from converter.data.samples import PixelSamples
from converter.data.scores import classes_of
from converter.finetune import Tuning
from converter.measurement import evaluate
from converter.measurement.loadable import check_stated
from converter.measurement.measuring import output_spec
from converter.measurement.runner import Run, installed_runtimes, run
from converter.progress import Progress
from converter.quantization.modes import DESCRIPTIONS, Quantizer
from converter.report.report import RecipeReport
from converter.settings import Settings
from edge.core.arrays import Integers
from edge.errors import ConversionError, MissingError
from edge.inference.artifact.stated import read_stated

LIGHTEST_FIRST: tuple[Quantize, ...] = ("int8", "mixed", "dynamic", "float16", "none", "int16x8")
"""By what an ARM core computes: int8 products, some float layers, all float. int16x8 is slow on every runtime, so it
is never taken before float32; latency on a workstation says nothing, its vector units favour float."""

OTHER_RUNTIMES_MOST = 50


@dataclass(frozen=True)
class RecipeChoice:
    recipe: Quantize
    tried: tuple[RecipeReport, ...] = ()
    why: str = ""
    tuning: Tuning | None = None


def choose(workshop: Quantizer, unseen: PixelSamples, settings: Settings, progress: Progress) -> RecipeChoice:
    """The recipe that ``settings`` names or asks to be searched. Raises ConversionError when none will do."""
    tuning = Tuning(settings.fine_tune or EPOCHS, settings.sparsity, settings.seed)
    if settings.target_drop is None:
        return RecipeChoice(settings.quantize, tuning=tuning if settings.fine_tune or settings.sparsity else None)
    progress.say(f"making and trying {len(LIGHTEST_FIRST)} recipes on {len(unseen)} pictures")
    tried = try_all(workshop, unseen, settings, tuning, progress)
    for line in table(tried):
        progress.say(line)
    taken = lightest(tried, settings.target_drop)
    why = explain(tried, taken, settings.target_drop, len(unseen))
    rows = tuple(replace(one, chosen=one is taken) for one in tried)
    return RecipeChoice(taken.recipe, rows, why, tuning if taken.fine_tuned else None)


def try_all(
    workshop: Quantizer, unseen: PixelSamples, settings: Settings, tuning: Tuning, progress: Progress
) -> tuple[RecipeReport, ...]:
    """Each recipe on ``unseen``, in the order of preference; what does not run somewhere says why.

    Fine-tuned int8 takes minutes: it is tried where int8 alone will not do, or when it is asked for.
    """
    by_float = classes_of(workshop.graph.predict(unseen.pixels))

    def attempt(mode: Quantize, tuning: Tuning | None = None) -> RecipeReport:
        return _try(mode, tuning, workshop, unseen, by_float, settings.min_runtime, progress)

    tried = [attempt(mode) for mode in LIGHTEST_FIRST]
    if settings.fine_tune or not _keeps(tried[0], settings.target_drop or 0.0):
        tried.insert(1, attempt(LIGHTEST_FIRST[0], tuning))
    return tuple(tried)


def lightest(recipes: Sequence[RecipeReport], max_points: float) -> RecipeReport:
    """The first that runs everywhere and loses at most ``max_points``. Raises ConversionError when none does."""
    for one in recipes:
        if _keeps(one, max_points):
            return one
    raise ConversionError(
        f"--target-drop {max_points:g}: no recipe keeps to it ({'; '.join(_short(one) for one in recipes)})"
    )


def explain(recipes: Sequence[RecipeReport], chosen: RecipeReport, max_points: float, pictures: int) -> str:
    """One line: what was taken, what lighter ones lost, and how fine the figure is."""
    before = recipes[: recipes.index(chosen)]
    lighter = f"; lighter ones do not do: {', '.join(_short(one) for one in before)}" if before else ""
    return (
        f"{chosen.name} ({DESCRIPTIONS[chosen.recipe]}) is the lightest that loses at most {max_points:g} points: "
        f"{chosen.drop:+.1f}{lighter}; one of the {pictures} pictures is {100 / pictures:.2f} points"
    )


def table(recipes: Sequence[RecipeReport]) -> list[str]:
    """Lines for people."""
    lines = [f"  {'recipe':<17}{'bytes':>11}{'accuracy':>10}{'drop':>7}{'agreement':>11}{'ms here':>9}"]
    for one in recipes:
        if one.fault:
            lines.append(f"  {one.name:<17}{one.fault}")
        else:
            figures = f"{one.bytes:>11,}{one.accuracy:>10.1%}{one.drop:>7.1f}{one.agreement:>11.1%}"
            lines.append(f"  {one.name:<17}{figures}{one.latency_ms:>9.2f}")
    return lines


def _keeps(one: RecipeReport, max_points: float) -> bool:
    return not one.fault and one.drop <= max_points


def _short(one: RecipeReport) -> str:
    return f"{one.name} {'does not run' if one.fault else f'{one.drop:+.1f}'}"


def _try(
    mode: Quantize,
    tuning: Tuning | None,
    workshop: Quantizer,
    unseen: PixelSamples,
    by_float: Integers,
    oldest: str,
    progress: Progress,
) -> RecipeReport:
    tuned = tuning is not None
    try:
        model = workshop.make(mode, tuning).model
        check_stated(read_stated(model).min_runtime, oldest)
        first, by_recipe = _run(model, workshop, unseen, oldest, progress)
    except ConversionError as error:
        return RecipeReport(mode, 0, 0.0, 0.0, 0.0, fault=str(error), fine_tuned=tuned)
    found = evaluate.compare(unseen.classes, by_float, by_recipe)
    drop = 100 * (found.accuracy_float - found.accuracy_quantized)
    figures = (found.accuracy_quantized, found.agreement, first.latency_ms)
    return RecipeReport(mode, len(model), *figures, drop=drop, fine_tuned=tuned)


def _run(
    model: bytes, workshop: Quantizer, unseen: PixelSamples, oldest: str, progress: Progress
) -> tuple[Run, Integers]:
    """The first runtime on all pictures; the others must run and do no worse on a few."""
    usable = _usable(model, unseen, oldest, progress)
    first, *others = usable
    spec = output_spec(first, workshop.graph.scores)
    named = classes_of(evaluate.scores(first, spec))
    few = _few(unseen)
    for other in others:
        evaluate.report(other, named[few], unseen.classes[few], spec)
    return first, named


def _usable(model: bytes, unseen: PixelSamples, oldest: str, progress: Progress) -> list[Run]:
    runs: list[Run] = []
    for runtime in installed_runtimes(oldest):
        pixels = unseen.pixels[_few(unseen)] if runs else unseen.pixels
        try:
            runs.append(run(model, pixels, runtime, progress))
        except MissingError as error:
            progress.say(f"warning: {error}")
    if not runs:
        raise MissingError("no usable TFLite runtime to check the model with; pip install ai-edge-litert")
    return runs


def _few(unseen: PixelSamples) -> Integers:
    return np.asarray(at_most(len(unseen), OTHER_RUNTIMES_MOST, seed=0))
