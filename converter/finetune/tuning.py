"""Trains a recipe's float graph, quantizes it again, and keeps the better of the two."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from converter.data.scores import classes_of, probabilities
from converter.finetune import stored
from converter.flatbuffer.flat import Flat, FlatOperator
from converter.measurement import evaluate
from converter.measurement.measuring import output_spec
from converter.measurement.runner import run
from converter.progress import Progress
from converter.quantization.quantize import Graph
from converter.report.report import PrunedLayer, PruningReport, TuningReport
from edge.errors import ConversionError

HELD_OUT = 6
"""One in so many pictures is withheld from the training."""
HELD_OUT_MOST = 200

Pixels = NDArray[np.uint8]
ScoreArray = NDArray[np.float32]


@dataclass(frozen=True)
class Tuning:
    """Wishes of ``--fine-tune`` and ``--sparsity``."""

    epochs: int
    sparsity: float = 0.0
    seed: int = 0


def divide(pixels: Pixels, seed: int) -> tuple[Pixels, Pixels]:
    """Divides pictures into those to train with and those withheld. Raises ConversionError for fewer than
    ``HELD_OUT`` pictures."""
    if len(pixels) < HELD_OUT:
        raise ConversionError(f"{len(pixels)} pictures to fine-tune with; expected at least {HELD_OUT}")
    order = np.random.default_rng(seed).permutation(len(pixels))
    count = min(HELD_OUT_MOST, len(pixels) // HELD_OUT)
    return pixels[np.sort(order[count:])], pixels[np.sort(order[:count])]


def judged(graph: Graph, pixels: Pixels, models: Sequence[bytes], progress: Progress) -> list[ScoreArray]:
    """Class scores, (n, classes) each: the trained model's, then those of each flatbuffer. Raises ConversionError."""
    found = [probabilities(graph.predict(pixels))]
    for model in models:
        one = run(model, pixels, "litert", progress)
        found.append(evaluate.scores(one, output_spec(one, graph.scores)))
    return found


def compare(
    tuning: Tuning, trained_on: int, wanted: ScoreArray, plain: ScoreArray, tuned: ScoreArray
) -> TuningReport:
    """Compares the scores of the withheld pictures; ``wanted`` are the float model's."""
    before, after = (float(np.abs(one - wanted).mean()) for one in (plain, tuned))
    same = [float((classes_of(one) == classes_of(wanted)).mean()) for one in (plain, tuned)]
    return TuningReport(
        epochs=tuning.epochs,
        pictures=trained_on,
        held_out=len(wanted),
        error_before=before,
        error_after=after,
        agreement_before=same[0],
        agreement_after=same[1],
        taken=after < before or tuning.sparsity > 0,
    )


def pruned(sparsity: float, named: bytes, model: bytes, before: bytes) -> PruningReport:
    """``named`` is ``model`` with the names of its layers, ``before`` the one that was not pruned."""
    return PruningReport(sparsity, zeros(named), deflated(model), deflated(before))


def zeros(model: bytes) -> tuple[PrunedLayer, ...]:
    """Share of zeros in each layer's weights, as the flatbuffer stores them."""
    flat = Flat(model)
    found = []
    for one in stored.layers(flat):
        values = stored.values(flat, stored.where(flat, one.inputs[1]))
        found.append(PrunedLayer(_name(flat, one), one.kind, int(values.size), int((values == 0).sum())))
    return tuple(found)


def deflated(model: bytes) -> int:
    """Bytes of the flatbuffer as zip, gzip or an update over the network packs it."""
    return len(zlib.compress(model, 9))


def _name(flat: Flat, one: FlatOperator) -> str:
    return flat.name(one.output).split(";")[0]
