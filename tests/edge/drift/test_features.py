from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge.drift import FEATURES, PART_FEATURES, PartShape, feature, measure
from edge.drift.features import BLACK, CONSTANT, Picture
from edge.errors import ConfigError, SourceError
from edge.inference.frames.frame import Image
from edge.sim import SimulatedLine


@pytest.fixture(scope="module")
def scene() -> Image:
    """A textured, coloured picture, 96×96×3 BGR, mid-bright, without saturated pixels."""
    rng = np.random.default_rng(7)
    noise = rng.normal(0, 25, (96, 96, 3)) + np.array([90.0, 120.0, 150.0])
    return cv2.GaussianBlur(np.clip(noise, 20, 220).astype(np.uint8), (3, 3), 0)


def features(image: Image) -> dict[str, float]:
    return dict(zip(FEATURES, measure(image).tolist(), strict=True))


def test_the_features_are_what_numpy_says_they_are(scene: Image) -> None:
    found = features(scene)

    grey = cv2.cvtColor(scene, cv2.COLOR_BGR2GRAY).astype(np.float64)
    padded = np.pad(grey, 1, mode="reflect")
    laplacian = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:] - 4 * grey
    pixels = scene.astype(np.float64)
    expected = {
        "brightness": grey.mean(),
        "contrast": grey.std(),
        "sharpness": laplacian.var() / ((np.diff(grey) ** 2).sum() + (np.diff(grey, axis=0) ** 2).sum()) * grey.size,
        "saturation": (pixels.max(axis=2) - pixels.min(axis=2)).sum() / pixels.max(axis=2).sum(),
        "blue": pixels[:, :, 0].mean(),
        "green": pixels[:, :, 1].mean(),
        "red": pixels[:, :, 2].mean(),
        "noise": np.abs(_second(_second(padded).T)).mean() * np.sqrt(np.pi / 2) / 6,
    }
    assert found == pytest.approx(expected, rel=1e-9)
    assert list(found) == list(expected)


def _second(rows):
    """The second difference along the first axis."""
    return rows[:-2] - 2 * rows[1:-1] + rows[2:]


@pytest.mark.parametrize("deviation", [2.0, 5.0, 15.0])
def test_noise_is_read_off_a_smooth_picture(deviation: float) -> None:
    ramp = np.linspace(60, 190, 200)[None, :, None].repeat(150, axis=0)
    noisy = ramp + np.random.default_rng(0).normal(0, deviation, ramp.shape)

    assert features(np.clip(np.rint(noisy), 0, 255).astype(np.uint8))["noise"] == pytest.approx(deviation, rel=0.05)


def test_a_part_whose_outline_is_known_has_an_area_and_a_roundness(scene: Image) -> None:
    corners = np.array([[10, 10], [30, 10], [30, 30], [10, 30]])
    angles = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    disc = PartShape.of(50 + 20 * np.stack([np.cos(angles), np.sin(angles)], axis=1))

    square = measure(scene, part=PartShape.of(corners))

    assert square.shape == (len(FEATURES) + len(PART_FEATURES),)
    assert square[-2:].tolist() == pytest.approx([400.0, np.pi / 4])
    assert measure(scene, ["roundness", "area"], disc).tolist() == pytest.approx([1.0, np.pi * 400], rel=0.01)
    assert np.isnan(measure(scene, ["area", "roundness"])).all()
    assert np.isnan(measure(scene, ["roundness"], PartShape(0.0, 0.0))).all()


def test_dimming_lowers_brightness_and_leaves_saturation(scene: Image) -> None:
    before, after = features(scene), features((scene * 0.6).astype(np.uint8))

    assert after["brightness"] == pytest.approx(0.6 * before["brightness"], rel=0.02)
    assert after["saturation"] == pytest.approx(before["saturation"], rel=0.02)
    assert after["sharpness"] == pytest.approx(before["sharpness"], rel=0.03)  # rounding adds a little noise


def test_blur_lowers_sharpness_and_leaves_brightness(scene: Image) -> None:
    before, after = features(scene), features(cv2.GaussianBlur(scene, (5, 5), 0))

    assert after["sharpness"] < 0.6 * before["sharpness"]
    assert after["brightness"] == pytest.approx(before["brightness"], rel=0.02)


def test_blur_moves_sharpness_further_out_of_what_is_usual_than_anything_else() -> None:
    line = SimulatedLine.from_uri("sim://line?seed=1&width=96&height=72")
    pictures = [line.image(part) for part in range(60)]
    sharp, soft = (np.array([measure(p) for p in some]) for some in (pictures, [_soft(p) for p in pictures]))

    moved = (soft.mean(axis=0) - sharp.mean(axis=0)) / sharp.std(axis=0)
    assert list(FEATURES)[int(np.abs(moved).argmax())] == "sharpness"
    assert moved[list(FEATURES).index("sharpness")] < -2


def _soft(picture: Image) -> Image:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.6), np.uint8)


def test_a_flatter_picture_has_less_contrast(scene: Image) -> None:
    flat = (128 + (scene.astype(np.int16) - 128) // 2).astype(np.uint8)

    assert features(flat)["contrast"] == pytest.approx(features(scene)["contrast"] / 2, rel=0.05)


def test_a_colour_cast_shows_in_its_channel_alone(scene: Image) -> None:
    cast = scene.copy()
    cast[:, :, 2] += 30

    before, after = features(scene), features(cast)

    assert after["red"] == before["red"] + 30
    assert (after["blue"], after["green"]) == (before["blue"], before["green"])
    assert after["saturation"] > before["saturation"]


def test_a_grey_picture_has_no_colour(scene: Image) -> None:
    grey = np.ascontiguousarray(scene[:, :, :1])

    found = features(grey)

    assert found["saturation"] == 0.0
    assert found["blue"] == found["green"] == found["red"] == found["brightness"]
    assert found == pytest.approx(features(np.repeat(grey, 3, axis=2)), rel=1e-9)


@pytest.mark.parametrize("level", [0, 1, 15, 17, 77, 127, 254, 255])
@pytest.mark.parametrize("shape", [(1, 1, 3), (7, 13, 3), (96, 96, 1), (224, 224, 3)])
def test_a_constant_picture_is_recognised_and_a_dark_one_is_black(level: int, shape: tuple[int, int, int]) -> None:
    found = features(np.full(shape, level, np.uint8))

    assert found["contrast"] < CONSTANT
    assert found["sharpness"] == 0.0
    assert (found["brightness"] < BLACK) == (level < BLACK)


def test_one_other_pixel_is_not_a_constant_picture() -> None:
    picture = np.full((224, 224, 3), 128, np.uint8)
    picture[100, 100] = 129

    assert features(picture)["contrast"] > CONSTANT


def test_ones_own_feature_is_one_decorated_function(scene: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    blue = features(scene)["blue"]
    monkeypatch.setattr("edge.drift.features.FEATURES", dict(FEATURES))

    @feature("left")
    def left(picture: Picture) -> float:
        return float(picture.grey[:, :48].mean())

    assert measure(scene).shape == (len(FEATURES) + 1,)
    assert measure(scene, ["left", "blue"]).tolist() == [left(Picture(scene)), blue]
    with pytest.raises(ConfigError, match="'left'"):
        feature("left")


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_what_is_not_a_picture_is_refused(image) -> None:
    with pytest.raises(SourceError, match="expected H×W×3"):
        measure(image)
