from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from edge.errors import ConfigError, MissingError, SourceError
from edge.inference.frames import open_source
from edge.inference.frames.factory import KINDS


@pytest.mark.parametrize("entry", sorted(set(KINDS.values())))
def test_every_kind_in_the_table_exists_and_opens_from_a_uri(entry: str):
    module, _, name = entry.partition(":")
    assert callable(getattr(import_module(module), name).from_uri)


@pytest.mark.parametrize(
    ("uri", "hint"),
    [
        ("rstp://10.0.0.7/live", "unknown kind of source 'rstp'; did you mean 'rtsp'?"),
        ("cam://0", "did you mean"),
        ("folder:///photos", "unknown kind of source 'folder'"),
        ("camera://0?widht=640", "camera://0?widht=640: widht: unknown key; did you mean 'width'?"),
        ("camera://0?width=wide&height=480", "width: expected a whole number, got 'wide'"),
        ("camera://0?width=640", "width, height: expected both or neither"),
        ("camera://0?fourcc=MJPEG", "fourcc: expected four characters such as MJPG or YUYV, got 'MJPEG'"),
        ("camera://0?fps=30&fps=60", "fps: given twice"),
        ("camera://0?timeout=nan", "timeout: expected a number from 0.5 to 3600"),
        ("camera://front", "expected a number or a device, such as camera://0 or /dev/video0"),
        ("picamera://front", "expected the camera's number, such as picamera://0"),
        ("rtsp://10.0.0.7/live#timout=3", "timout: unknown key; did you mean 'timeout'?"),
        ("rtsp:///live", "expected SCHEME://HOST[:PORT]/PATH"),
        ("rtsp://10.0.0.7:port/live", "expected SCHEME://HOST[:PORT]/PATH"),
        ("rtsp://[10.0.0.7/live", "expected SCHEME://HOST[:PORT]/PATH"),
    ],
)
def test_a_mistake_in_a_uri_is_named_with_the_way_out(uri: str, hint: str):
    with pytest.raises(ConfigError) as raised:
        open_source(uri)
    assert hint in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("uri", ["missing/photos", "missing.mp4", "0", "camera:0", ""])
def test_a_missing_path_is_named_with_what_would_do(uri: str):
    with pytest.raises(SourceError, match=r"no such file or folder; expected a folder of images.*camera://0"):
        open_source(uri)


def test_a_home_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_images):
    write_images(tmp_path, "1.png")
    monkeypatch.setenv("HOME", str(tmp_path))
    source = open_source("~")
    assert source.read() is not None


def test_a_csi_camera_without_picamera2_names_the_package():
    with pytest.raises(MissingError, match="apt install python3-picamera2"):
        open_source("picamera://0")


def test_a_camera_that_is_not_there_lists_those_that_are():
    with pytest.raises(SourceError, match=r"/dev/video97 does not exist; cameras found: "):
        open_source("camera://97")
    with pytest.raises(SourceError, match=r"/dev/video97 does not exist"):
        open_source("/dev/video97?width=640&height=480")


def test_a_device_that_is_no_camera_is_refused():
    with pytest.raises(SourceError, match=r"/dev/null is not a camera"):
        open_source("/dev/null")


def test_importing_the_package_leaves_opencv_alone():
    program = "import sys, edge.inference.frames; sys.exit('cv2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
