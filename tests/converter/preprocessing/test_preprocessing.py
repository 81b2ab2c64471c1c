from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from numpy.typing import NDArray

from converter.choices import ConverterRange
from converter.data.dataset import find
from converter.data.samples import read
from converter.loading.loading import load
from converter.preprocessing.conventions import Convention, candidates
from converter.preprocessing.preprocessing import Trial, choose, search
from converter.progress import Progress
from edge.errors import ConversionError
from edge.inference.artifact.manifest import InputSpec

pytestmark = pytest.mark.xdist_group("tensorflow")

COUNT = 100
CLASSES = np.arange(COUNT) % 2


def trial(value_range: ConverterRange, colour: str, right: int, shift: int = 0) -> Trial:
    """A candidate that is right on ``right`` pictures, counted from number ``shift``."""
    hits = np.zeros(COUNT, np.bool_)
    hits[np.arange(shift, shift + right) % COUNT] = True
    named = np.where(hits, CLASSES, 1 - CLASSES)
    return Trial(Convention(value_range, colour), outputs(named), hits)  # type: ignore[arg-type]


def outputs(named: NDArray[np.int64]) -> NDArray[np.float32]:
    return np.where(np.arange(2)[None] == named[:, None], 0.9, 0.1).astype(np.float32)


def test_the_clear_winner_is_taken():
    best = choose([trial("0..255", "RGB", 50), trial("0..1", "RGB", 95), trial("0..1", "BGR", 60)], CLASSES)
    assert str(best.convention) == "0..1 RGB"


def test_a_rare_convention_wins_when_it_is_proved():
    best = choose([trial("0..1", "RGB", 70), trial("0..1", "BGR", 95), trial("caffe", "BGR", 50)], CLASSES)
    assert str(best.convention) == "0..1 BGR"


def test_a_rare_convention_that_is_not_proved_is_not_guessed():
    with pytest.raises(ConversionError, match=r"0\.\.1 BGR 95\.0%, 0\.\.1 RGB 93\.0%.*--colour \(BGR or RGB\)"):
        choose([trial("0..1", "RGB", 93, shift=5), trial("0..1", "BGR", 95)], CLASSES)


def test_a_plain_convention_in_front_needs_no_proof_against_rare_ones():
    best = choose([trial("0..1", "RGB", 95), trial("0..1", "BGR", 93, shift=5)], CLASSES)
    assert str(best.convention) == "0..1 RGB"


def test_two_plain_conventions_that_cannot_be_told_apart_are_not_guessed():
    with pytest.raises(ConversionError, match=r"--range \(0\.\.1 or 0\.\.255\)"):
        choose([trial("0..255", "RGB", 93, shift=5), trial("0..1", "RGB", 95)], CLASSES)


def test_candidates_with_the_same_scores_are_one():
    grey = [trial("0..255", "RGB", 95), trial("0..1", "RGB", 50), trial("0..255", "BGR", 95)]
    assert str(choose(grey, CLASSES).convention) == "0..255 RGB"


def test_labels_in_the_wrong_order_are_noticed():
    with pytest.raises(ConversionError, match=r"check the order of the labels"):
        choose([trial("0..255", "RGB", 55), trial("0..1", "RGB", 50)], CLASSES)


def test_what_is_given_is_taken_untried():
    assert choose([trial("caffe", "BGR", 30)], CLASSES).convention.range == "caffe"


def test_candidates_agree_with_what_is_given():
    assert {str(one) for one in candidates(3, "0..1")} == {"0..1 RGB", "0..1 BGR"}
    assert [str(one) for one in candidates(3, "caffe", "RGB")] == ["caffe RGB"]
    assert {one.colour for one in candidates(1)} == {"GRAY"}
    assert candidates(1, None, "RGB") == candidates(1, "torch", "GRAY") == candidates(3, None, "GRAY") == ()


def test_every_range_is_a_candidate_for_colour():
    assert {one.range for one in candidates(3)} == set(get_args(ConverterRange))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("value_range", "colour"),
    [("0..255", "RGB"), ("0..1", "RGB"), ("-1..1", "RGB"), ("0..255", "BGR"), ("torch", "RGB"), ("caffe", "BGR")],
)
def test_the_convention_of_a_real_model_is_found(
    variant: Callable[[Convention], Path], pictures: Path, value_range: ConverterRange, colour: str
):
    convention = Convention(value_range, colour)  # type: ignore[arg-type]
    samples = read(find(pictures), InputSpec(16, 16, 3, "uint8"), Progress())
    trials = search(load(variant(convention)), samples, None, None, Progress())
    assert choose(trials, samples.classes).convention == convention
