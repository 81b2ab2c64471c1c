"""The float model for other runtimes: ONNX through tf2onnx, held to Keras by onnxruntime."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from converter.data.scores import Outputs
from converter.progress import Progress
from converter.quantization.quantize import Graph
from converter.quiet import quietly
from converter.report.report import OnnxReport
from edge.core.package import install_hint
from edge.errors import ConversionError, MissingError

OPSET = 17
"""Known to onnxruntime since 1.12 (2022)."""
PICTURES = 200
TOLERANCE = 1e-4
"""Largest difference of a score, relative to the largest one where scores are logits."""


def check_installed() -> None:
    """Raises MissingError."""
    for module in ("tf2onnx", "onnxruntime"):
        if importlib.util.find_spec(module) is None:
            raise MissingError(f"--onnx: {module} is not installed; {install_hint('onnx')}")


def export(graph: Graph, pixels: NDArray[np.uint8], out: Path, progress: Progress) -> tuple[bytes, OnnxReport]:
    """The model with its preprocessing: ``image`` → ``scores``, float32; a picture of 0..255, RGB or grey.

    ``pixels`` (n, height, width, channels) are the pictures that it must judge as Keras does. Raises
    ConversionError, MissingError.
    """
    check_installed()
    serve = graph.module("float32").serve
    with quietly(f"{graph.model.path} cannot be converted to ONNX"):
        import tf2onnx

        model, _ = tf2onnx.convert.from_function(serve, input_signature=serve.input_signature, opset=OPSET)
        _settle(model.graph)
        data = bytes(model.SerializeToString())
        judged = pixels[:PICTURES]
        outputs = _run(data, judged, progress)
    expected = graph.predict(judged)
    difference = float(np.abs(outputs - expected).max())
    if difference > TOLERANCE * max(1.0, float(np.abs(expected).max())):
        raise ConversionError(f"{out}: onnxruntime's scores differ by {difference:.2g} from Keras'; nothing was kept")
    return data, OnnxReport(str(out), len(data), len(judged), difference)


def _settle(graph: Any) -> None:
    """Numbers generated names, and orders the weights, by their use: tf2onnx takes both from sets, as they come."""
    if any(attribute.HasField("g") for node in graph.node for attribute in node.attribute):
        return  # a branch or a loop sees the names outside it
    names: dict[str, str] = {}
    for number, node in enumerate(graph.node):
        base, generated, _ = node.name.partition("__")
        node.name = f"{base}__{number}" if generated else node.name
        for group in (node.input, node.output):
            for position, name in enumerate(group):
                base, generated, _ = name.partition("__")
                group[position] = names.setdefault(name, f"{base}__{len(names)}" if generated else name)
    order = list(names)
    weights = sorted(graph.initializer, key=lambda weight: order.index(weight.name))
    del graph.initializer[:]
    graph.initializer.extend(weights)
    for value in (*graph.initializer, *graph.value_info):
        value.name = names.get(value.name, value.name)


def _run(data: bytes, pixels: NDArray[np.uint8], progress: Progress) -> Outputs:
    import onnxruntime

    session: Any = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    rows = progress.count(pixels, len(pixels), "ran on onnxruntime")
    outputs: list[Outputs] = [session.run(None, {name: picture[None].astype(np.float32)})[0] for picture in rows]
    return np.concatenate(outputs)
