from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.errors import SourceError
from edge.inference.frames import Frame, open_source


def read_all(path: Path) -> list[Frame]:
    return list(iter(open_source(str(path)).read, None))


def chunks(video: bytes) -> list[int]:
    """Where the JPEGs of a Motion JPEG AVI begin."""
    places, at = [], video.find(b"\xff\xd8\xff")
    while at >= 0:
        places.append(at)
        at = video.find(b"\xff\xd8\xff", at + 1)
    return places


def test_frames_are_named_after_the_file_and_their_number(tmp_path: Path, write_video: Callable[..., Path]):
    path = write_video(tmp_path / "line.avi", frames=2)
    assert [frame.name for frame in read_all(path)] == [f"{path}#1", f"{path}#2"]


def test_a_video_that_was_cut_short_delivers_what_there_is(tmp_path: Path, write_video: Callable[..., Path]):
    path = write_video(tmp_path / "cut.avi", frames=20)
    video = path.read_bytes()
    path.write_bytes(video[: chunks(video)[12]])
    frames = read_all(path)
    assert 10 <= len(frames) <= 13
    assert all(frame.image is not None for frame in frames[:10])


def test_damage_in_the_middle_does_not_end_a_video(tmp_path: Path, write_video: Callable[..., Path]):
    path = write_video(tmp_path / "damaged.avi", frames=20)
    video = bytearray(path.read_bytes())
    for place in chunks(bytes(video))[5:8]:
        video[place : place + 250] = bytes(250)
    path.write_bytes(video)
    pictures = [frame.image is not None for frame in read_all(path)]
    assert pictures[:5] == [True] * 5
    assert pictures[5] is False
    assert pictures[-10:] == [True] * 10


@pytest.mark.parametrize("content", [b"", b"this is no video\n" * 100, bytes(4096)], ids=["empty", "text", "zeros"])
@pytest.mark.parametrize("name", ["clip.mp4", "notes"])
def test_what_is_no_video_is_refused(tmp_path: Path, name: str, content: bytes):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"not a video that can be decoded; expected mp4"):
        open_source(str(path))


def test_a_video_that_may_not_be_read_is_an_error(locked_folder: Path):
    with pytest.raises(SourceError, match=r"locked.avi: cannot be read \(Permission denied\)"):
        open_source(str(locked_folder / "locked.avi"))


def test_a_name_that_looks_like_a_protocol_is_a_file(
    tmp_path: Path, write_video: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
):
    write_video(tmp_path / "video.avi").rename(tmp_path / "concat:2026-01-01 10:00 ü%03d.avi")
    monkeypatch.chdir(tmp_path)
    assert len(read_all(Path("concat:2026-01-01 10:00 ü%03d.avi"))) == 5


def test_nothing_but_the_error_is_said(tmp_path: Path, write_video: Callable[..., Path]):
    """FFmpeg and OpenCV write to stderr by themselves, past Python."""
    path = write_video(tmp_path / "damaged.avi", frames=20)
    video = path.read_bytes()
    path.write_bytes(video[: len(video) * 3 // 4])
    (tmp_path / "clip.mp4").write_bytes(b"this is no video")
    program = """
import sys
from edge.errors import SourceError
from edge.inference.frames import open_source
source = open_source(sys.argv[1])
while source.read():
    pass
try:
    open_source(sys.argv[2])
except SourceError:
    pass
"""
    run = subprocess.run(
        [sys.executable, "-c", program, path, tmp_path / "clip.mp4"], capture_output=True, text=True, check=True
    )
    assert run.stderr == ""
    assert run.stdout == ""


def mp4_frames(path: Path) -> int:
    """The number of samples of the video track, by the file's own table (ISO/IEC 14496-12, stsz)."""

    def boxes(data: bytes) -> list[tuple[bytes, bytes]]:
        found, at = [], 0
        while at + 8 <= len(data):
            size = int.from_bytes(data[at : at + 4], "big")
            found.append((data[at + 4 : at + 8], data[at + 8 : at + size]))
            at += size
        return found

    def child(data: bytes, *path: bytes) -> bytes:
        for kind in path:
            data = dict(boxes(data))[kind]
        return data

    tracks = [body for kind, body in boxes(child(path.read_bytes(), b"moov")) if kind == b"trak"]
    (video,) = [track for track in tracks if child(track, b"mdia", b"hdlr")[8:12] == b"vide"]
    return int.from_bytes(child(video, b"mdia", b"minf", b"stbl", b"stsz")[8:12], "big")


def gif_frames(path: Path) -> int:
    """The number of image descriptors (GIF89a, sections 18 to 26)."""
    data, count = path.read_bytes(), 0

    def table(flags: int) -> int:
        return 3 << ((flags & 7) + 1) if flags & 0x80 else 0

    at = 13 + table(data[10])
    while data[at] != 0x3B:
        if data[at] == 0x2C:
            count += 1
            at += 10 + table(data[at + 9]) + 1
        else:
            at += 2
        while data[at]:
            at += data[at] + 1
        at += 1
    return count


@pytest.mark.thirdparty
@pytest.mark.parametrize(
    ("name", "count", "shape"),
    [
        ("pizza_line_results.mp4", mp4_frames, (350, 830, 3)),
        ("bottle-detection.mp4", mp4_frames, (360, 640, 3)),
        ("bolt-multi-size-detection.gif", gif_frames, (270, 480, 3)),
        ("fruit-and-vegetable-detection.gif", gif_frames, (270, 480, 3)),
    ],
)
def test_real_videos_deliver_every_frame(
    shared_data: Path, name: str, count: Callable[[Path], int], shape: tuple[int, ...]
):
    path = shared_data / "video" / name
    source, shapes = open_source(str(path)), []
    while frame := source.read():
        assert frame.image is not None
        shapes.append(frame.image.shape)
    assert len(shapes) == count(path)
    assert set(shapes) == {shape}


@pytest.mark.thirdparty
def test_frames_of_a_real_video_that_cannot_be_decoded_are_still_counted(shared_data: Path, tmp_path: Path):
    original = shared_data / "video" / "pizza_line_results.mp4"
    video = bytearray(original.read_bytes())
    middle = len(video) // 2
    video[middle : middle + 3000] = bytes(3000)
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(video)
    pictures = [frame.image is not None for frame in read_all(damaged)]
    assert len(pictures) == mp4_frames(original)
    assert 1 <= pictures.count(False) <= 5
