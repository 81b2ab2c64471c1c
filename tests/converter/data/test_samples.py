from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pytest

from converter.data.dataset import find
from converter.data.samples import read
from converter.progress import Progress
from edge.errors import ConversionError
from edge.inference.artifact.manifest import InputSpec
from edge.inference.preprocess import Preprocessor

SPEC = InputSpec(height=16, width=16, channels=3, dtype="uint8")


def test_pixels_are_what_the_device_would_see(pictures: Path):
    samples = read(find(pictures), SPEC, Progress())
    preprocess = Preprocessor(SPEC)
    for index in (0, 25, 79):
        tensor = preprocess(cv2.imread(str(samples.paths[index])))
        assert (samples.pixels[index] == tensor[0]).all()
        assert (samples.small[index] == preprocess.small).all()


def test_a_damaged_picture_is_named_counted_and_skipped(pictures: Path):
    said = io.StringIO()
    samples = read(find(pictures), SPEC, Progress(said))
    assert [path.name for path in samples.damaged] == ["broken.png"]
    assert "red/broken.png cannot be read" in said.getvalue()
    assert len(samples) == len(samples.pixels) == len(samples.small) == 80
    assert np.bincount(samples.classes).tolist() == [20, 20, 20, 20]


def test_a_label_without_a_readable_picture_is_refused(tmp_path: Path):
    for label in ("good", "bad"):
        (tmp_path / label).mkdir()
    cv2.imwrite(str(tmp_path / "good" / "1.png"), np.zeros((9, 9, 3), np.uint8))
    (tmp_path / "bad" / "1.png").write_bytes(b"no picture")
    with pytest.raises(ConversionError, match=r"'bad'.*none"):
        read(find(tmp_path), SPEC, Progress())


def test_a_picture_that_may_not_be_read_says_so(tmp_path: Path):
    for label in ("good", "bad"):
        (tmp_path / label).mkdir()
        cv2.imwrite(str(tmp_path / label / "1.png"), np.zeros((9, 9, 3), np.uint8))
    (tmp_path / "bad" / "2.png").symlink_to(tmp_path / "gone.png")
    said = io.StringIO()
    assert len(read(find(tmp_path), SPEC, Progress(said))) == 2
    assert "2.png cannot be read (No such file or directory); skipped" in said.getvalue()
