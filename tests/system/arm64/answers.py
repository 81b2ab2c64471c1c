"""``python -m tests.system.arm64.answers FOLDER``: what the artifacts of a folder answer on this processor.

Reads ``NAME.tflite`` and ``NAME.npy``, input tensors (n, height, width, channels). Writes ``MACHINE.npz``, for each
model, runtime and choice of kernels (``NAME|RUNTIME|KERNELS``) the output tensors (n, classes), and ``MACHINE.json``,
for each the quantization steps by which the golden samples came out apart, or why the device refuses the artifact.
"""

from __future__ import annotations

import json
import platform
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.errors import ArtifactError
from edge.inference.artifact import Artifact
from edge.inference.interpreter import Setup, usable_runtimes
from edge.inference.model import open_unchecked
from edge.inference.tuning import SetupChoice

KERNELS = {"XNNPACK": True, "builtin": False}


def main(folder: Path) -> None:
    outputs: dict[str, NDArray[np.generic]] = {}
    golden: dict[str, int | str] = {}
    for path in sorted(folder.glob("*.tflite")):
        artifact, tensors = Artifact.load(path), np.load(path.with_suffix(".npy"))
        for runtime in usable_runtimes():
            for kernels, xnnpack in KERNELS.items():
                key = f"{path.stem}|{runtime.name}|{kernels}"
                setup = Setup(runtime.name, 1, xnnpack)
                golden[key], outputs[key] = _answers(artifact, setup, tensors)
    np.savez(folder / f"{platform.machine()}.npz", **outputs)
    (folder / f"{platform.machine()}.json").write_text(json.dumps(golden), "utf-8")


def _answers(artifact: Artifact, setup: Setup, tensors: NDArray[np.generic]) -> tuple[int | str, NDArray[np.generic]]:
    # Not edge.inference.model.load: its child process would double the time, and every runtime is opened here anyway.
    from edge.inference.interpreter import Interpreter
    from edge.inference.model import verify_golden

    interpreter = Interpreter(artifact.model, setup)
    outputs = np.stack([interpreter.invoke(tensor[None]).reshape(-1) for tensor in tensors])
    try:
        model = open_unchecked(artifact, SetupChoice(setup, ""))
        return verify_golden(model), outputs
    except ArtifactError as error:
        return str(error), outputs


if __name__ == "__main__":
    main(Path(sys.argv[1]))
