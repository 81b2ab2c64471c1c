"""What a device waits for and keeps: start to first decision, resident memory, its growth over 100,000 frames."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.models import mobilenet_v2
from tests.bench.setting import Setting
from tests.bench.timing import Row, child

TINY = Path(__file__).parents[1] / "data" / "colour.tflite"
START_MOST_S = 1.0
MEMORY_MOST_MB = 150
GROWTH_MOST_MB = 1.0
ROUNDS = 5
EARLY, LATE = 10_000, 100_000

BARE = """
import sys
import cv2
import numpy as np
from edge.inference.interpreter.runtimes import find_runtime
native = find_runtime().interpreter(model_path=sys.argv[1], num_threads=1)
native.allocate_tensors()
native.invoke()
"""
"""What every loop with OpenCV and a TFLite runtime has to wait for."""

PEAK = """
import sys
from pathlib import Path
from edge import load_config, run_line
report = run_line(load_config(sys.argv[1]))
assert report.decided == 300
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(status["VmHWM"].split()[0])
"""
"""The most that was resident at any moment, in kB."""

GROWTH = """
import sys
from edge import load_config, run_line
from edge.core.memory import resident_bytes
from edge.sim import SimulatedLine
early, late = int(sys.argv[2]), int(sys.argv[3])
drawn, resident, count = {}, {}, 0
draw = SimulatedLine.image
def image(line, frame, label=None):
    global count
    count += 1
    if count in (early, late):
        resident[count] = resident_bytes()
    if frame % 32 not in drawn:
        drawn[frame % 32] = draw(line, frame % 32, label)
    return drawn[frame % 32]
SimulatedLine.image = image
report = run_line(load_config(sys.argv[1]))
assert report.decided == report.captured == late, report
print(resident[early], resident[late])
"""
"""The whole daemon; only that the simulated line's pictures are drawn once and then come from memory."""


def rows(setting: Setting) -> Iterator[Row]:
    """With MobileNetV2 at 224×224, a little wider than usual, and the tiny model of the tests."""
    model, folder = mobilenet_v2(224, alpha=1.1).absolute(), setting.folder
    yield from starts(model, folder / "start")
    yield memory(model, folder / "memory")
    yield growth(folder / "growth")


def starts(model: Path, folder: Path) -> Iterator[Row]:
    """``edge run`` for one frame: of a model that was tried in a child process before, and of one that was not; in
    turn with a bare program that does the least.
    """
    again, first, bare = [], [], []
    config = _config(folder, model, "sim://line?count=1&pace=fast")
    _run(config)
    for _ in range(ROUNDS):
        again.append(_run(config))
        shutil.rmtree(folder / "state" / "checked")
        first.append(_run(config))
        began = time.perf_counter()
        child(BARE, str(model))
        bare.append(time.perf_counter() - began)
    name = f"edge run, {model.stat().st_size / 1e6:.1f} MB model: start to first decision and orderly end"
    least = statistics.median(bare)
    for seconds, how in ((statistics.median(again), ""), (statistics.median(first), ", first time")):
        yield Row(name + how, seconds, least, "s", f"≤ {START_MOST_S:.0f} s", seconds <= START_MOST_S)


def memory(model: Path, folder: Path) -> Row:
    """The daemon's peak over 300 frames, with buffer and health."""
    config = _config(folder, model, "sim://line?count=300&pace=fast")
    peak = int(child(PEAK, str(config))) * 1024 / 1e6
    return Row(
        f"edge run, {model.stat().st_size / 1e6:.1f} MB model: peak resident memory",
        peak,
        None,
        "MB",
        f"≤ {MEMORY_MOST_MB} MB",
        peak <= MEMORY_MOST_MB,
    )


def growth(folder: Path) -> Row:
    """Resident memory of the daemon at frame 10,000 and at frame 100,000."""
    config = _config(folder, TINY, f"sim://line?count={LATE}&pace=fast", 'colour = "RGB"\nrange = "0..255"')
    early, late = (int(size) / 1e6 for size in child(GROWTH, str(config), str(EARLY), str(LATE)).split())
    name = f"resident memory at frame {LATE:,}, against frame {EARLY:,} (+{late - early:.2f} MB)"
    bar = f"within {GROWTH_MOST_MB:.0f} MB"
    return Row(name, late, early, "MB", bar, late - early <= GROWTH_MOST_MB)


def _config(folder: Path, model: Path, source: str, settings: str = "") -> Path:
    folder.mkdir()
    path = folder / "edge.toml"
    path.write_text(
        f'[device]\nid = "bench"\n[source]\nuri = "{source}"\n[model]\npath = "{model}"\n{settings}\n', "utf-8"
    )
    return path


def _run(config: Path) -> float:
    words = [sys.executable, "-m", "edge.cli.main", "run", "-c", str(config), "--json"]
    began = time.perf_counter()
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - began
    assert json.loads(done.stdout)["decided"] == 1
    return seconds
