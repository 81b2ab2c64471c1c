"""From a camera picture to the input tensor."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import ArtifactError, SourceError
from edge.inference.artifact.manifest import InputSpec
from edge.inference.preprocess import Preprocessor

_RNG = np.random.default_rng(5)
_PHOTO = _RNG.integers(0, 256, (60, 80, 3), np.uint8)


def test_raw_uint8_rgb_pixels_go_in_unchanged() -> None:
    tensor = Preprocessor(InputSpec(60, 80, 3, "uint8"))(_PHOTO)
    assert tensor.shape == (1, 60, 80, 3)
    assert np.array_equal(tensor[0], _PHOTO[:, :, ::-1])


def test_bgr_models_get_bgr() -> None:
    assert np.array_equal(Preprocessor(InputSpec(60, 80, 3, "uint8", colour="BGR"))(_PHOTO)[0], _PHOTO)


def test_grey_models_get_luma() -> None:
    tensor = Preprocessor(InputSpec(60, 80, 1, "uint8", colour="GRAY"))(_PHOTO)
    assert np.array_equal(tensor[0, :, :, 0], cv2.cvtColor(_PHOTO, cv2.COLOR_BGR2GRAY))


@pytest.mark.parametrize(
    ("mean", "std"), [((0.0,), (255.0,)), ((127.5,), (127.5,)), ((124.0, 117.0, 104.0), (58.0,))]
)
def test_float_models_get_normalized_pixels(mean: tuple[float, ...], std: tuple[float, ...]) -> None:
    tensor = Preprocessor(InputSpec(60, 80, 3, "float32", mean=mean, std=std))(_PHOTO)
    expected = (_PHOTO[:, :, ::-1].astype(np.float64) - mean) / std
    assert tensor.dtype == np.float32
    np.testing.assert_allclose(tensor[0], expected, rtol=1e-6)


@given(
    scale=st.floats(0.001, 2.0),
    zero_point=st.integers(-128, 127),
    # Importing a runtime on aarch64 makes its processor round the smallest numbers to 0.
    mean=st.floats(0, 255, allow_subnormal=False),
    std=st.floats(1, 255),
)
def test_int8_models_get_quantized_pixels(scale: float, zero_point: int, mean: float, std: float) -> None:
    spec = InputSpec(1, 256, 3, "int8", scale, zero_point, mean=(mean,), std=(std,))
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    expected = np.clip(np.round((np.arange(256) - mean) / std / scale) + zero_point, -128, 127)
    tensor = Preprocessor(spec)(np.ascontiguousarray(ramp))
    assert tensor.dtype == np.int8
    assert np.array_equal(tensor[0, 0, :, 0], expected)


@pytest.mark.parametrize("resize", ["stretch", "crop", "letterbox"])
def test_resize_rules_differ_in_what_they_keep(resize: Literal["stretch", "crop", "letterbox"]) -> None:
    picture = np.zeros((100, 200, 3), np.uint8)
    picture[:, 50:150] = 255
    small = Preprocessor(InputSpec(50, 50, 3, "uint8", resize=resize))(picture)[0, :, :, 0]
    white = float((small == 255).mean())
    assert white == pytest.approx({"stretch": 0.5, "crop": 1.0, "letterbox": 0.25}[resize], abs=0.05)


def test_the_small_picture_is_bgr_whatever_the_model_wants() -> None:
    preprocess = Preprocessor(InputSpec(60, 80, 1, "int8", colour="GRAY"))
    preprocess(_PHOTO)
    assert np.array_equal(preprocess.small, _PHOTO)


@pytest.mark.parametrize("shape", [(10, 10), (10, 10, 1), (10, 10, 4), (0, 10, 3)])
def test_a_picture_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(SourceError, match="expected height×width×3 uint8 BGR"):
        Preprocessor(InputSpec(8, 8, 3, "uint8"))(np.zeros(shape, np.uint8))


@pytest.mark.parametrize(("mean", "std"), [((1.0, 2.0), (1.0,)), ((0.0,), (0.0,))])
def test_a_normalization_that_does_not_fit_is_refused(mean: tuple[float, ...], std: tuple[float, ...]) -> None:
    with pytest.raises(ArtifactError, match="do not fit 3 channels"):
        Preprocessor(InputSpec(8, 8, 3, "uint8", mean=mean, std=std))
