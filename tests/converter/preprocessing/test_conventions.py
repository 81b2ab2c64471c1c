from __future__ import annotations

import numpy as np
import pytest

from converter.choices import ConverterRange
from converter.preprocessing.conventions import Convention

IMAGENET_MEAN = np.array([0.485, 0.456, 0.406])
IMAGENET_STD = np.array([0.229, 0.224, 0.225])
PIXELS = np.random.default_rng(0).integers(0, 256, (2, 5, 4, 3)).astype(np.float32)

WANTED = {
    ("0..255", "RGB"): PIXELS,
    ("0..1", "RGB"): PIXELS / 255,
    ("-1..1", "RGB"): PIXELS / 127.5 - 1,
    ("-1..1", "BGR"): PIXELS[..., ::-1] / 127.5 - 1,
    ("torch", "RGB"): (PIXELS / 255 - IMAGENET_MEAN) / IMAGENET_STD,
    ("caffe", "BGR"): PIXELS[..., ::-1] - [103.939, 116.779, 123.68],
}


@pytest.mark.slow
@pytest.mark.parametrize(("value_range", "colour"), WANTED)
def test_a_convention_does_what_its_formula_says(value_range: ConverterRange, colour: str):
    made = np.asarray(Convention(value_range, colour).apply(PIXELS))  # type: ignore[arg-type]
    assert made == pytest.approx(WANTED[value_range, colour], abs=2e-3)
