"""What the device costs: import, start, memory, and the time around ``invoke()``."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from edge.inference.artifact.describe import Given
from edge.inference.interpreter import usable_runtimes
from edge.inference.model import Model, load
from tests.bench.setting import Setting
from tests.bench.timing import Row, child, child_seconds, interleaved

IMPORT_MOST_S = 0.5
SIZES = ((480, 640),)
NAMES = "Artifact, Line, Model, Rule, capture, load, load_config, open_source, run_line"


def rows(setting: Setting) -> Iterator[Row]:
    """With a real model of 96×96."""
    model_path, given, folder = setting.model, setting.given, setting.folder
    yield import_time()
    yield first_decision(model_path, given, folder)
    yield resident_memory(model_path, given)
    for runtime in usable_runtimes():
        yield around_invoke(load(model_path, runtime=runtime.name, given=given))


def import_time() -> Row:
    """Every public name of ``edge``, in a fresh process, less the bare interpreter's own start."""
    bare = child_seconds("pass")
    ours = child_seconds(f"from edge import {NAMES}") - bare
    other = child_seconds("import cv2") - bare
    return Row(
        "import of all public names, against import cv2 alone",
        ours,
        other,
        "s",
        "well under 0.5 s",
        ours < IMPORT_MOST_S,
    )


def first_decision(model_path: Path, given: Given, folder: Path) -> Row:
    """From the start of the process to the first decision of ``edge run`` on the simulated line."""
    config = folder / "edge.toml"
    config.write_text(
        f'[device]\nid = "bench"\nstate = "state"\n[source]\nuri = "sim://line?count=1&pace=fast"\n'
        f'[model]\npath = "{model_path}"\ncolour = "{given.colour}"\nrange = "{given.range}"\n',
        "utf-8",
    )
    taken = []
    for _ in range(5):
        wall = time.time_ns()
        done = subprocess.run(
            [sys.executable, "-m", "edge.cli.main", "run", "-c", str(config), "--json"],
            capture_output=True,
            text=True,
            check=True,
        )
        taken.append((time.time_ns() - wall) / 1e9)
        assert json.loads(done.stdout)["decided"] == 1
    ours = sorted(taken)[2]
    return Row("start to first decision and orderly end of edge run", ours, None, "s", "≤ 1 s", ours <= 1.0)


def resident_memory(model_path: Path, given: Given) -> Row:
    """After a hundred decisions, against the bare runtime that has run the same model as often."""
    ours = child(
        "import sys\nimport numpy as np\nfrom edge.inference.model import load\n"
        "from edge.inference.artifact.describe import Given\n"
        "from edge.core.memory import resident_bytes\n"
        "model = load(sys.argv[1], given=Given(colour=sys.argv[2], range=sys.argv[3]))\n"
        "picture = np.zeros((480, 640, 3), np.uint8)\n"
        "for _ in range(100): model.predict(picture)\n"
        "print(resident_bytes())",
        str(model_path),
        str(given.colour),
        str(given.range),
    )
    other = child(
        "import sys\nimport numpy as np\nfrom edge.inference.interpreter.runtimes import find_runtime\n"
        "from edge.core.memory import resident_bytes\n"
        "native = find_runtime().interpreter(model_path=sys.argv[1], num_threads=1)\n"
        "native.allocate_tensors()\n"
        "detail = native.get_input_details()[0]\n"
        "native.set_tensor(detail['index'], np.zeros(detail['shape'], detail['dtype']))\n"
        "for _ in range(100): native.invoke()\n"
        "print(resident_bytes())",
        str(model_path),
    )
    ours_mb = int(ours) / 1e6
    return Row(
        "resident memory, against the bare runtime", ours_mb, int(other) / 1e6, "MB", "≤ 150 MB", ours_mb <= 150
    )


def around_invoke(model: Model) -> Row:
    """A 640×480 BGR frame in memory to its decision, against ``invoke()`` alone."""
    frame = np.random.default_rng(1).integers(0, 256, (*SIZES[0], 3), np.uint8)
    native = model.interpreter._native
    model.predict(frame)
    ours, other = interleaved(lambda: model.predict(frame), native.invoke, 400)
    added_ms = (ours - other) * 1000
    name = f"frame to decision, against bare invoke(), {model.interpreter.runtime.name} (+{added_ms:.2f} ms)"
    return Row(name, ours * 1000, other * 1000, "ms", "first figure", True)
