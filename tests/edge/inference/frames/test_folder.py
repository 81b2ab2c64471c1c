from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import SourceError
from edge.inference.frames import Frame, Image, open_source
from edge.inference.frames.images import find_images


def read_all(path: Path) -> list[Frame]:
    return list(iter(open_source(str(path)).read, None))


def names(root: Path) -> list[str]:
    return [str(Path(frame.name).relative_to(root)) for frame in read_all(root)]


def encoded(suffix: str, image: Image) -> bytes:
    return cv2.imencode(suffix, image)[1].tobytes()


def test_images_come_in_natural_order_from_all_depths(tmp_path: Path, write_images: Callable[..., None]):
    write_images(tmp_path, "10.png", "9.PNG", "b2/1.jpg", "b10/1.jpg", "b2/deeper/7.bmp")
    (tmp_path / "notes.txt").write_text("not an image")
    assert names(tmp_path) == ["9.PNG", "10.png", "b2/1.jpg", "b2/deeper/7.bmp", "b10/1.jpg"]


def test_hidden_files_and_folders_are_left_out(tmp_path: Path, write_images: Callable[..., None]):
    write_images(tmp_path, "1.png", "._1.png", ".cache/2.png")
    assert names(tmp_path) == ["1.png"]


@settings(max_examples=25)
@given(st.sets(st.integers(0, 10**9), min_size=1, max_size=8), st.text("abc0²٣ ", max_size=5))
def test_numbered_images_come_in_the_order_of_their_numbers(numbers: set[int], prefix: str):
    with tempfile.TemporaryDirectory() as folder:
        for number in numbers:
            Path(folder, f"{prefix}x{number}.png").touch()
        assert [path.stem.rpartition("x")[2] for path in find_images(Path(folder))] == [
            str(n) for n in sorted(numbers)
        ]


def test_a_folder_per_label_tells_the_truth(tmp_path: Path, write_images: Callable[..., None]):
    write_images(tmp_path, "cracked/1.png", "whole/1.png", "whole/2.png")
    (tmp_path / "LICENSE").touch()
    (tmp_path / "empty").mkdir()
    assert [frame.truth for frame in read_all(tmp_path)] == ["cracked", "whole", "whole"]


@pytest.mark.parametrize(
    "layout",
    [
        ("1.png", "2.png"),
        ("monday/1.png",),
        ("cracked/1.png", "whole/1.png", "unsorted.png"),
        ("cracked/1.png", "whole/1.png", "whole/deeper/2.png"),
    ],
    ids=["no folders", "a single folder", "an image at the top", "an image further down"],
)
def test_any_other_layout_tells_no_truth(tmp_path: Path, write_images: Callable[..., None], layout: tuple[str, ...]):
    write_images(tmp_path, *layout)
    assert {frame.truth for frame in read_all(tmp_path)} == {None}


def test_a_damaged_image_comes_without_a_picture_and_the_rest_goes_on(tmp_path: Path, red_image: Image):
    noisy = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    for number, suffix in enumerate((".jpg", ".bmp", ".webp", ".tif")):
        (tmp_path / f"{number}{suffix}").write_bytes(encoded(suffix, noisy)[:-200])
    (tmp_path / "4.png").write_bytes(b"")
    (tmp_path / "5.png").write_text("this is no image")
    (tmp_path / "6.png").write_bytes(encoded(".png", red_image))
    frames = read_all(tmp_path)
    assert [frame.image is None for frame in frames] == [True] * 6 + [False]
    assert frames[0].name == str(tmp_path / "0.jpg")


def test_an_image_that_vanishes_while_the_folder_is_read_comes_without_a_picture(
    tmp_path: Path, write_images: Callable[..., None]
):
    write_images(tmp_path, "1.png", "2.png")
    source = open_source(str(tmp_path))
    assert source.read() is not None
    (tmp_path / "2.png").unlink()
    frame = source.read()
    assert frame is not None
    assert frame.image is None


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        (np.full((4, 4), 200, np.uint8), (200, 200, 200)),
        (np.full((4, 4), 200 << 8, np.uint16), (200, 200, 200)),
        (np.full((4, 4, 3), (1 << 8, 2 << 8, 3 << 8), np.uint16), (1, 2, 3)),
        (np.full((4, 4, 4), (1, 2, 3, 0), np.uint8), (1, 2, 3)),
    ],
    ids=["grey", "16-bit grey", "16-bit colour", "transparent"],
)
@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_any_kind_of_pixel_becomes_eight_bit_bgr(
    tmp_path: Path, pixels: Image, expected: tuple[int, ...], suffix: str
):
    path = tmp_path / f"image{suffix}"
    path.write_bytes(encoded(suffix, pixels))
    (frame,) = read_all(path)
    assert frame.image is not None
    assert frame.image.dtype == np.uint8
    assert frame.image.shape == (4, 4, 3)
    assert frame.image[0, 0].tolist() == list(expected)


def test_the_orientation_that_the_camera_noted_is_applied(tmp_path: Path):
    """EXIF 6: the top of the picture is on the right, so it must be turned clockwise."""
    picture = np.zeros((32, 64, 3), np.uint8)
    picture[:, :32] = 255
    jpeg = encoded(".jpg", picture)
    tiff = b"II*\0\x08\0\0\0" + b"\x01\0" + b"\x12\x01\x03\0\x01\0\0\0\x06\0\0\0" + bytes(4)
    exif = b"Exif\0\0" + tiff
    path = tmp_path / "turned.jpg"
    path.write_bytes(jpeg[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + jpeg[2:])
    (frame,) = read_all(path)
    assert frame.image is not None
    assert frame.image.shape == (64, 32, 3)
    assert frame.image[5, 16].tolist() == [255, 255, 255]
    assert frame.image[60, 16].tolist() == [0, 0, 0]


def test_names_outside_ascii_are_read(tmp_path: Path, write_images: Callable[..., None]):
    write_images(tmp_path, "Gebäck/Плитка №1 🍪.png")
    (frame,) = read_all(tmp_path)
    assert frame.image is not None


def test_a_folder_without_images_says_what_it_looked_for(tmp_path: Path):
    (tmp_path / "video.mp4").touch()
    with pytest.raises(SourceError, match=r"no images in it; expected files that end in bmp, jpeg, jpg"):
        open_source(str(tmp_path))


def test_a_folder_that_may_not_be_listed_is_an_error(locked_folder: Path):
    with pytest.raises(SourceError, match=r"locked: cannot be listed \(Permission denied\)"):
        open_source(str(locked_folder))


def test_an_image_that_may_not_be_read_comes_without_a_picture(locked_folder: Path):
    (frame,) = read_all(locked_folder / "locked.png")
    assert frame.image is None


@pytest.mark.thirdparty
def test_real_photographs_come_with_their_labels(shared_data: Path):
    frames = read_all(shared_data / "aliens")
    expected = {label: len(list((shared_data / "aliens" / label).glob("*.png"))) for label in ("anomaly", "normal")}
    truths = [frame.truth for frame in frames]
    assert {label: truths.count(label) for label in truths} == expected
    assert all(frame.image is not None for frame in frames)
