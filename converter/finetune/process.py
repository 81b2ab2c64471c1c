"""The training, in a process of its own.

Deterministic operations are a setting of the whole process; oneDNN's gradients crash on some convolutions (TensorFlow
2.21, x86-64: a segmentation fault on the face model of the bench) and differ from processor to processor; and the
memory goes back to the system. Run as a program this is that process::

    python -m converter.finetune.process FOLDER     FOLDER/model.tflite, pixels.npy, task.json → trained.tflite
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from converter.finetune.task import Task
from converter.finetune.trainer import Trainer
from converter.flatbuffer.flat import Flat
from converter.measurement.child import talk
from converter.progress import Progress
from converter.quiet import quietly, tensorflow
from edge.core.structs import build, plain
from edge.errors import ConversionError, EdgeError

THREADS = 4
"""Whatever the machine has: sums in another order are other bytes."""
ENVIRONMENT = {"TF_ENABLE_ONEDNN_OPTS": "0", "TF_CPP_MIN_LOG_LEVEL": "3"}


def trained(model: bytes, pixels: NDArray[np.uint8], task: Task, progress: Progress) -> bytes:
    """The float flatbuffer with weights, biases and ranges that bear being quantized. Raises ConversionError.

    ``pixels``: (n, height, width, channels), input tensors. Same arguments, same bytes.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "model.tflite").write_bytes(model)
        (folder / "task.json").write_text(json.dumps(plain(task)), "utf-8")
        np.save(folder / "pixels.npy", pixels)
        status, last = talk([sys.executable, "-m", "converter.finetune.process", name], progress, ENVIRONMENT)
        if status == ConversionError.exit_status:
            raise ConversionError(last)
        if status:
            raise ConversionError(f"fine-tuning failed: {last}")
        return (folder / "trained.tflite").read_bytes()


def main(folder: Path) -> int:
    """The child."""
    try:
        tf = tensorflow()
        tf.config.threading.set_intra_op_parallelism_threads(THREADS)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        tf.config.experimental.enable_op_determinism()
        task = build(Task, json.loads((folder / "task.json").read_text("utf-8")))
        with quietly("the model cannot be fine-tuned"):
            trainer = Trainer(Flat((folder / "model.tflite").read_bytes()), task)
            pictures = np.load(folder / "pixels.npy")
            trainer.check(pictures[:4])
            trainer.train(pictures, Progress(sys.stdout))
            (folder / "trained.tflite").write_bytes(trainer.result())
    except EdgeError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
