"""One small wrapper around the Interpreter of either runtime."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.choices import RuntimeChoice
from edge.errors import ArtifactError
from edge.interpreter.quiet import quiet_native_stderr
from edge.interpreter.runtimes import Runtime, find_runtime


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """``real = scale * (q - zero_point)``; scale is 1.0 for tensors that are not quantized."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float
    zero_point: int


class Interpreter:
    """A loaded model; its first output is what is looked at. One instance serves one thread."""

    def __init__(self, model: bytes, runtime: Runtime, threads: int) -> None:
        self.runtime = runtime
        self.threads = threads
        self._native = _allocate(model, runtime, threads)
        inputs, outputs = self._native.get_input_details(), self._native.get_output_details()
        self.inputs = tuple(_info(detail) for detail in inputs)
        self.outputs = tuple(_info(detail) for detail in outputs)
        self._input = inputs[0]["index"] if inputs else -1
        self._output = outputs[0]["index"] if outputs else -1

    @property
    def platform(self) -> str:
        """Runtime, version and architecture: where integer outputs are reproducible bit for bit."""
        return f"{self.runtime.name} {self.runtime.version} {platform.machine()}"

    def invoke(self, tensor: NDArray[np.generic]) -> NDArray[np.generic]:
        """Runs the model on one input tensor of exactly ``inputs[0]``'s shape and dtype; returns the first output.

        Raises ArtifactError when the runtime refuses.
        """
        try:
            self._native.set_tensor(self._input, tensor)
            self._native.invoke()
            result: NDArray[np.generic] = self._native.get_tensor(self._output)
        except (ValueError, RuntimeError) as error:
            raise ArtifactError(f"the model cannot be run ({_first_line(error)})") from None
        return result


def open_interpreter(model: bytes, runtime: RuntimeChoice = "auto", threads: int = 1) -> Interpreter:
    """Loads a flatbuffer. Raises ArtifactError, or MissingError when there is no runtime.

    A malformed model can abort the process: check it with :func:`edge.interpreter.check_in_child` first.
    """
    return Interpreter(model, find_runtime(runtime), threads)


def _allocate(model: bytes, runtime: Runtime, threads: int) -> Any:
    try:
        with quiet_native_stderr():
            native = runtime.interpreter(model_content=model, num_threads=threads)
            native.allocate_tensors()
    except (ValueError, RuntimeError, TypeError) as error:
        where = f"{runtime.name} {runtime.version}"
        raise ArtifactError(f"the model cannot be loaded by {where} ({_first_line(error)})") from None
    return native


def _info(detail: Mapping[str, Any]) -> TensorInfo:
    quantization = detail["quantization_parameters"]
    scales, zero_points = quantization["scales"], quantization["zero_points"]
    return TensorInfo(
        name=str(detail["name"]),
        shape=tuple(int(size) for size in detail["shape"]),
        dtype=np.dtype(detail["dtype"]).name,
        scale=float(scales[0]) if len(scales) else 1.0,
        zero_point=int(zero_points[0]) if len(zero_points) else 0,
    )


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].strip()[:160]
