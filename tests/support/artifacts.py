"""Artifacts made of any flatbuffer, as the converter would make them: consistent in themselves, right or wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edge.inference.artifact.artifact import GOLDEN, LABELS, MANIFEST
from edge.inference.artifact.container import append_files
from edge.inference.artifact.golden import Golden
from edge.inference.artifact.manifest import InputSpec, Manifest, OutputSpec
from edge.inference.frames.frame import Image
from edge.inference.interpreter import open_interpreter
from edge.inference.preprocess import Preprocessor

DATA = Path(__file__).parents[1] / "data"
DELEGATE = Path(__file__).with_name("delegate.c")
"""The source of the tests' own delegate."""
_OUTPUT = b"StatefulPartitionedCall:0"


def faulty_model(name: str) -> bytes:
    """A flatbuffer that goes wrong in its 61st run, or from it on.

    ``plain`` does not, ``refuses`` and ``slow`` do so by themselves (``data/make_faulty.py``), ``ends`` and
    ``stalls`` only under the tests' delegate (``delegate.c``), which knows them by the name of their output.
    """
    if name not in ("ends", "stalls"):
        return (DATA / "faulty" / f"{name}.tflite").read_bytes()
    return (
        (DATA / "faulty" / "plain.tflite")
        .read_bytes()
        .replace(_OUTPUT, f"fault: {name}".encode().ljust(len(_OUTPUT)))
    )


def pack(
    flatbuffer: bytes,
    images: Sequence[Image],
    *,
    model: str,
    labels: tuple[str, ...],
    version: int = 1,
    spec: dict[str, Any] | None = None,
    **changes: Any,
) -> bytes:
    """With golden samples that hold with ``spec``, whatever that says of colours and scale."""
    interpreter = open_interpreter(flatbuffer)
    source, result = interpreter.inputs[0], interpreter.outputs[0]
    quantized = {} if source.dtype == "float32" else {"scale": source.scale, "zero_point": source.zero_point}
    inputs = InputSpec(*source.shape[1:], source.dtype, **quantized | (spec or {}))  # type: ignore[arg-type]
    preprocess = Preprocessor(inputs)
    outputs = np.stack([interpreter.invoke(preprocess(image)).reshape(-1) for image in images])
    files = {LABELS: "\n".join(labels).encode(), GOLDEN: Golden(tuple(images), outputs).to_bytes()}
    fields: dict[str, Any] = {
        "model": model,
        "version": version,
        "created": "2026-01-01T00:00:00Z",
        "input": inputs,
        "output": OutputSpec(result.shape[-1], result.dtype, result.scale, result.zero_point),  # type: ignore[arg-type]
        "flatbuffer_sha256": hashlib.sha256(flatbuffer).hexdigest(),
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
        "golden_platform": interpreter.platform,
        "golden_tolerance": 8,
    }
    return append_files(flatbuffer, files | {MANIFEST: Manifest(**fields | changes).to_json()})
