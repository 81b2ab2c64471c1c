from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from converter.data.dataset import Dataset, find
from converter.data.duplicates import find_duplicates
from converter.data.samples import PixelSamples, read
from converter.progress import Progress
from edge.inference.artifact.manifest import InputSpec
from edge.inference.frames.frame import Image

SPEC = InputSpec(height=16, width=16, channels=3, dtype="uint8")


@pytest.fixture
def picture(paint: Callable[[str, int], Image]) -> Image:
    """A photograph that is smooth enough for JPEG."""
    return cv2.GaussianBlur(paint("red", 1), (0, 0), 3).astype(np.uint8)


def samples(*paths: Path, classes: tuple[int, ...] = ()) -> PixelSamples:
    truth = np.array(classes or (0,) * len(paths), np.int64)
    return read(Dataset(("a", "b"), paths, truth), SPEC, Progress())


def test_the_same_pixels_in_another_file_are_found(tmp_path: Path, picture: Image):
    cv2.imwrite(str(tmp_path / "one.png"), picture)
    cv2.imwrite(str(tmp_path / "two.bmp"), picture)
    cv2.imwrite(str(tmp_path / "other.png"), 255 - picture)
    found = find_duplicates(samples(tmp_path / "one.png"), samples(tmp_path / "other.png", tmp_path / "two.bmp"))
    assert found.identical == ((tmp_path / "one.png", tmp_path / "two.bmp"),)
    assert not found.near
    (warning,) = found.warnings()
    assert warning.startswith("1 evaluation pictures are in the calibration set too")
    assert "two.bmp = " in warning


def test_a_picture_saved_once_more_is_nearly_the_same(tmp_path: Path, picture: Image):
    cv2.imwrite(str(tmp_path / "one.png"), picture)
    cv2.imwrite(str(tmp_path / "one.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, 90])
    found = find_duplicates(samples(tmp_path / "one.png"), samples(tmp_path / "one.jpg"))
    assert not found.identical
    assert found.near == ((tmp_path / "one.png", tmp_path / "one.jpg"),)


def test_one_picture_under_two_labels_is_said(tmp_path: Path, picture: Image):
    for name in ("one.png", "two.png"):
        cv2.imwrite(str(tmp_path / name), picture)
    cv2.imwrite(str(tmp_path / "other.png"), 255 - picture)
    known = samples(tmp_path / "one.png", tmp_path / "two.png", classes=(0, 1))
    found = find_duplicates(known, samples(tmp_path / "other.png"))
    assert found.contradicting == ((tmp_path / "one.png", tmp_path / "two.png"),)
    assert "1 pictures have two labels" in found.warnings()[0]


def test_different_pictures_are_no_duplicates(pictures: Path):
    known, unseen = find(pictures).split(0.5, seed=0)
    found = find_duplicates(read(known, SPEC, Progress()), read(unseen, SPEC, Progress()))
    assert not found.warnings()


@pytest.mark.thirdparty
def test_photographs_of_one_kind_before_one_background_are_no_duplicates(shared_data: Path):
    known, unseen = find(shared_data / "aliens").at_most(60, seed=0).split(0.5, seed=0)
    found = find_duplicates(read(known, SPEC, Progress()), read(unseen, SPEC, Progress()))
    assert not found.identical
    assert not found.near
