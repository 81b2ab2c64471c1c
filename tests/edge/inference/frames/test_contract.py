"""What holds for every kind of frame source (V4L2 and CSI cameras have their own tests: they need hardware)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from edge.inference.frames import Frame, FrameSource, open_source

FINITE = ("folder", "image", "video", "gif", "sim")
LIVE = ("live sim", "http")
FRAMES = {"image": 1}


@pytest.fixture
def uri(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    write_images: Callable[..., None],
    write_video: Callable[..., Path],
    write_gif: Callable[..., Path],
    mjpeg_server: str,
) -> str:
    """A source of five red frames, or of one, or of frames without end."""
    write_images(tmp_path, "1.png", "2.jpg", "3.bmp", "deeper/4.webp", "deeper/5.tif")
    uris = {
        "folder": str(tmp_path),
        "image": str(tmp_path / "1.png"),
        "video": str(write_video(tmp_path / "video.avi")),
        "gif": str(write_gif(tmp_path / "animated.gif")),
        "sim": "sim://line?count=5&pace=fast",
        "live sim": "sim://line?fps=50",
        "http": f"{mjpeg_server}/1000",
    }
    return uris[request.param]


@pytest.fixture
def source(uri: str) -> Iterator[FrameSource]:
    source = open_source(uri)
    yield source
    source.close()


def read_all(source: FrameSource) -> list[Frame]:
    return list(iter(source.read, None))


@pytest.mark.parametrize("uri", FINITE + LIVE, indirect=True)
def test_a_frame_is_an_image_in_bgr_with_both_times(source: FrameSource):
    before = time.monotonic_ns(), time.time_ns()
    frame = source.read()
    after = time.monotonic_ns(), time.time_ns()
    assert frame is not None
    assert frame.image is not None
    assert frame.image.ndim == 3
    assert frame.image.shape[2] == 3
    assert frame.image.dtype == np.uint8
    assert frame.image.flags.c_contiguous
    # A live frame may have been taken shortly before it was asked for.
    assert before[0] - 1e9 < frame.captured_ns <= after[0]
    assert before[1] - 1e9 < frame.wall_ns <= after[1]


@pytest.mark.parametrize("uri", [kind for kind in FINITE + LIVE if "sim" not in kind], indirect=True)
def test_red_comes_out_as_bgr_red(source: FrameSource):
    frame = source.read()
    assert frame is not None
    assert frame.image is not None
    np.testing.assert_allclose(frame.image, np.broadcast_to((0, 0, 255), (48, 64, 3)), atol=3)


@pytest.mark.parametrize("uri", FINITE, indirect=True)
def test_every_frame_comes_once_and_then_the_end_stays(source: FrameSource, request: pytest.FixtureRequest):
    kind = request.node.callspec.params["uri"]
    assert len(read_all(source)) == FRAMES.get(kind, 5)
    assert [source.read() for _ in range(3)] == [None, None, None]


@pytest.mark.parametrize("uri", FINITE + LIVE, indirect=True)
def test_capture_times_never_go_back(source: FrameSource):
    frames = [frame for frame in (source.read() for _ in range(10)) if frame]
    times = [frame.captured_ns for frame in frames]
    assert times
    assert times == sorted(times)


@pytest.mark.parametrize("uri", FINITE + LIVE, indirect=True)
def test_a_picture_that_is_held_never_changes(source: FrameSource):
    held = []
    for frame in filter(None, (source.read() for _ in range(12))):
        assert frame.image is not None
        held.append((frame.image, frame.image.copy()))
    assert all(np.array_equal(image, copy) for image, copy in held)


@pytest.mark.parametrize(("uri", "live"), [(u, u in LIVE) for u in FINITE + LIVE], indirect=["uri"])
def test_a_source_says_whether_it_waits_for_its_reader(source: FrameSource, live: bool):
    assert source.live is live


@pytest.mark.parametrize("uri", FINITE + LIVE, indirect=True)
def test_closing_twice_is_fine_and_ends_the_source(source: FrameSource):
    source.close()
    source.close()
    assert source.read() is None


@pytest.mark.parametrize("uri", FINITE + LIVE, indirect=True)
def test_closing_from_another_thread_ends_a_reader(source: FrameSource):
    started = threading.Event()

    def read() -> None:
        while source.read() is not None:
            started.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    assert started.wait(5)
    source.close()
    reader.join(2)
    assert not reader.is_alive()
