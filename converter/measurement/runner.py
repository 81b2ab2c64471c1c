"""Runs a flatbuffer on many pictures in a child process, with the device's own interpreter.

A child, because tflite-runtime breaks in a process that has imported TensorFlow, and because a malformed model can
abort the interpreter. Run as a program it is the child::

    python -m converter.measurement.runner RUNTIME FOLDER [builtin]    FOLDER/model.tflite, pixels.npy → outputs.npy,
    facts.json python -m converter.measurement.runner RUNTIME FILE                loads an artifact as a device does,
    golden samples and all
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from converter.measurement import loadable
from converter.measurement.child import talk
from converter.progress import Progress
from edge.core.choices import RuntimeChoice
from edge.core.structs import build, plain
from edge.core.versions import older
from edge.errors import ConversionError, EdgeError, MissingError
from edge.inference.interpreter import Interpreter, Setup, TensorInfo, Wanted

BUILTIN = "builtin"
_MODULES = {"litert": "ai_edge_litert", "tflite-runtime": "tflite_runtime"}


@dataclass(frozen=True)
class Run:
    """``outputs``: (n, size) as the output tensor holds them."""

    platform: str
    input: TensorInfo
    output: TensorInfo
    outputs: NDArray[np.generic]
    latency_ms: float = 0.0
    """Median time of one picture, one thread, tensors in and out included."""

    def split(self, sizes: list[int]) -> list[Run]:
        """One run per part, in order."""
        parts = np.split(self.outputs, np.cumsum(sizes)[:-1])
        return [replace(self, outputs=part) for part in parts]


def installed_runtimes(oldest: str = loadable.OLDEST) -> tuple[RuntimeChoice, ...]:
    """The preferred one first. Not imported: this process may have imported TensorFlow.

    Without tflite-runtime, which ends at 2.14, when ``oldest`` is newer.
    """
    wanted = [name for name in _MODULES if name == "litert" or not older(loadable.OLDEST, oldest)]
    found = [name for name in wanted if importlib.util.find_spec(_MODULES[name]) is not None or _python(name)]
    return tuple(cast(RuntimeChoice, name) for name in found)


def _python(runtime: str) -> str:
    """The Python of another environment for this runtime, or empty."""
    return os.environ.get(loadable.PYTHON, "") if runtime == "tflite-runtime" else ""


def run(
    model: bytes, pixels: NDArray[np.generic], runtime: RuntimeChoice, progress: Progress, xnnpack: bool = True
) -> Run:
    """``pixels``: (n, height, width, channels), the input tensors. Without ``xnnpack`` the runtime's builtin kernels
    do the work, which round differently. Raises ConversionError, MissingError.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "model.tflite").write_bytes(model)
        np.save(folder / "pixels.npy", pixels)
        _child(runtime, folder, progress, *([] if xnnpack else [BUILTIN]))
        facts = json.loads((folder / "facts.json").read_text())
        return Run(
            platform=facts["platform"],
            input=build(TensorInfo, facts["input"]),
            output=build(TensorInfo, facts["output"]),
            outputs=np.load(folder / "outputs.npy"),
            latency_ms=facts["latency_ms"],
        )


def runtime_of(run: Run) -> RuntimeChoice:
    """The name that its platform begins with."""
    return cast(RuntimeChoice, run.platform.partition(" ")[0])


def verify(artifact: Path, runtime: RuntimeChoice) -> None:
    """Loads an artifact as a device does. Raises ConversionError, MissingError."""
    _child(runtime, artifact, Progress())


def _child(runtime: RuntimeChoice, target: Path, progress: Progress, *more: str) -> None:
    python = _python(runtime)
    if python and shutil.which(python) is None:
        raise MissingError(f"{loadable.PYTHON}: no program {python}; expected a Python 3.11 that has edgeline")
    command = [python or sys.executable, "-m", "converter.measurement.runner", runtime, str(target), *more]
    status, last = talk(command, progress)
    if status:
        _raise(runtime, status, last)


def _raise(runtime: RuntimeChoice, status: int, last: str) -> None:
    if status == MissingError.exit_status:
        raise MissingError(last)
    if "No module named" in last:
        raise MissingError(f"{runtime}: {last}; install edgeline in the environment of {loadable.PYTHON}")
    if status < 0:
        last = f"the interpreter died ({signal.Signals(-status).name})"
    raise ConversionError(f"the converted model does not run on {runtime}: {last}")


def main(runtime: RuntimeChoice, target: Path, *more: str) -> int:
    """The child."""
    try:
        if target.is_dir():
            _run_here(target, Setup(runtime, xnnpack=BUILTIN not in more))
        else:
            _load_here(target, runtime)
    except EdgeError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_status
    return 0


def _load_here(path: Path, runtime: RuntimeChoice) -> None:
    """Loads a model as a device does; this process is the child in which a device would try the model first."""
    from edge.inference.artifact import Artifact
    from edge.inference.model import open_unchecked
    from edge.inference.tuning import choose_setup

    artifact = Artifact.load(path)
    open_unchecked(artifact, choose_setup(artifact.path, artifact.sha256, Wanted(runtime)))


def _run_here(folder: Path, setup: Setup) -> None:
    interpreter = Interpreter((folder / "model.tflite").read_bytes(), setup)
    pixels = np.load(folder / "pixels.npy", mmap_mode="r")
    size = interpreter.outputs[0].shape[-1]
    outputs = np.empty((len(pixels), size), interpreter.outputs[0].dtype)
    taken = np.empty(len(pixels))
    for index, picture in enumerate(Progress(sys.stdout).count(pixels, len(pixels), f"ran on {setup.runtime}")):
        tensor = picture[None].astype(interpreter.inputs[0].dtype)
        began = time.monotonic()
        outputs[index] = interpreter.invoke(tensor).reshape(size)
        taken[index] = time.monotonic() - began
    np.save(folder / "outputs.npy", outputs)
    facts: dict[str, Any] = {
        "platform": interpreter.platform,
        "input": plain(interpreter.inputs[0]),
        "output": plain(interpreter.outputs[0]),
        "latency_ms": 1000 * float(np.median(taken)),
    }
    (folder / "facts.json").write_text(json.dumps(facts))


if __name__ == "__main__":
    sys.exit(main(cast(RuntimeChoice, sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:]))
