"""Against other ways to judge the same frames with the same model, in turn."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np

from edge.sim import SimulatedLine
from tests.bench.models import FOLDER, mobilenet_v2
from tests.bench.setting import Setting
from tests.bench.timing import Row

PROGRAMS = Path(__file__).parent / "framework_programs"
PACKAGES = {"mediapipe_tasks": "mediapipe==1.2.2", "openvino_runtime": "openvino==2026.4.1"}
"""What does not live in one environment with our packages."""
NAMES = {
    "plain": "the plain loop of tutorials",
    "mediapipe_tasks": "MediaPipe's ImageClassifier",
    "openvino_runtime": "OpenVINO",
}
FRAMES, ROUNDS, EACH = 60, 12, 25


def rows(setting: Setting) -> Iterator[Row]:
    """Frames in memory → label, video file → labels, and resident memory."""
    model, frames, video = mobilenet_v2(224), FOLDER / "frames.npy", FOLDER / "frames.avi"
    _make_frames(frames, video)
    with ExitStack() as stack:
        ours, *others = [stack.enter_context(Framework(name, model, frames, video)) for name in ("ours", *NAMES)]
        for _ in range(ROUNDS):
            for framework in (ours, *others):
                framework.ask(str(EACH))
                framework.ask("video")
    for other in others:
        name = NAMES[other.name]
        one, two = ours.of_frames, other.of_frames
        yield Row(f"frame in memory to label, against {name}", one, two, "ms", "", True)
        one, two = ours.of_video, other.of_video
        yield Row(f"a frame of a video file to its label, against {name}", one, two, "ms", "< 1", one < two)
        one, two = ours.resident_mb, other.resident_mb
        holds = one < two or other.name != "mediapipe_tasks"
        bar = "< 1" if other.name == "mediapipe_tasks" else ""
        yield Row(f"resident memory, against {name}", one, two, "MB", bar, holds)


class Framework:
    """A program that waits to be asked."""

    def __init__(self, name: str, *arguments: Path) -> None:
        self.name = name
        self.resident_mb = 0.0
        self._frames: list[float] = []
        self._video: list[float] = []
        environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(Path.cwd()), str(PROGRAMS)))}
        command = [_python(name), str(PROGRAMS / f"{name}.py"), *map(str, arguments)]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        self._answer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    @property
    def of_frames(self) -> float:
        """Median milliseconds."""
        return 1000 * statistics.median(self._frames)

    @property
    def of_video(self) -> float:
        """Median milliseconds a frame."""
        return 1000 * statistics.median(self._video)

    def ask(self, what: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(what + "\n")
        self._process.stdin.flush()
        answer = self._answer()
        (self._video if what == "video" else self._frames).extend(answer["seconds"])
        self.resident_mb = answer["resident"] / 1e6

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):
                found: dict[str, Any] = json.loads(line)
                return found
        raise RuntimeError(f"{self.name} ended with status {self._process.wait()}")


def _python(name: str) -> str:
    """Of the environment that the framework needs; made when first asked for."""
    if name not in PACKAGES:
        return sys.executable
    folder = Path("build") / "bench-frameworks" / name
    python = folder / "bin" / "python"
    if not (folder / "installed").exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", PACKAGES[name], "opencv-python"], check=True)
        (folder / "installed").touch()
    return str(python.absolute())


def _make_frames(frames: Path, video: Path) -> None:
    """640×480, as a USB camera sends them: motion JPEG."""
    if frames.exists() and video.exists():
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    line = SimulatedLine.from_uri("sim://line?width=640&height=480&defects=0.4")
    images = [line.image(number) for number in range(FRAMES)]
    np.save(frames, np.stack(images))
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"MJPG"), 30, (640, 480))
    for image in images:
        writer.write(image)
    writer.release()
