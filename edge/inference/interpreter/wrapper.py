"""One small wrapper around the Interpreter of either runtime."""

from __future__ import annotations

import platform
import re
from dataclasses import replace
from functools import cached_property
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.core.choices import RuntimeChoice
from edge.core.quiet import quiet_native_stderr
from edge.errors import ArtifactError
from edge.inference.interpreter.delegates import check_taken, explain_missing, load_delegate
from edge.inference.interpreter.info import TensorInfo
from edge.inference.interpreter.runtimes import Runtime, find_runtime
from edge.inference.interpreter.setup import Setup
from edge.inference.interpreter.tensors import Tensors, open_tensors

_FIRST = re.compile(r"(.*?)\s*(Node number \d+ \([^)]*\) failed to \w+)")
"""The runtimes run reason and place together, and repeat after them all that they have refused before."""
MOVES_WITHIN_RUNS = 3
"""A delegate that moves tensors about has done so after this many."""


class Interpreter:
    """A loaded model; its first input and output are what is looked at. One instance serves one thread."""

    def __init__(self, model: bytes, setup: Setup | None = None) -> None:
        """Raises ArtifactError, or MissingError when there is no runtime or no such delegate.

        A malformed model can abort the process: check it with :func:`edge.inference.interpreter.check_in_child`
        first.
        """
        setup = setup or Setup()
        self.runtime = find_runtime(setup.runtime)
        self.setup = replace(setup, runtime=self.runtime.name)
        self._native = _allocate(model, self.runtime, self.setup)
        inputs, outputs = self._native.get_input_details(), self._native.get_output_details()
        self.inputs = tuple(TensorInfo.from_detail(detail) for detail in inputs)
        self.outputs = tuple(TensorInfo.from_detail(detail) for detail in outputs)
        self._input = inputs[0]["index"] if inputs else -1
        self._output = outputs[0]["index"] if outputs else -1

    @property
    def platform(self) -> str:
        """Runtime, version and architecture, and what else integer outputs depend on: where they are reproducible
        bit for bit.
        """
        base = f"{self.runtime.name} {self.runtime.version} {platform.machine()}"
        without = "" if self.setup.xnnpack else " without XNNPACK"
        delegate = f" with {PurePath(self.setup.delegate.library).name}" if self.setup.delegate else ""
        return base + without + delegate

    @property
    def input(self) -> NDArray[np.generic]:
        """The first input tensor, ``inputs[0]``'s shape and dtype, to be written before :meth:`run`.

        It is the interpreter's own memory where no delegate moves that. It stays the same array, and valid, for
        as long as it is held. Raises ArtifactError when the runtime refuses to run the model.
        """
        return self._tensors.input

    def run(self) -> NDArray[np.generic]:
        """Runs the model on :attr:`input`; returns the first output in an array that the next run overwrites.

        Afterwards the input may hold anything. Raises ArtifactError when the runtime refuses.
        """
        try:
            return self._tensors.run()
        except (ValueError, RuntimeError) as error:
            raise _refused(error) from None

    def invoke(self, tensor: NDArray[np.generic]) -> NDArray[np.generic]:
        """Runs the model on one input tensor of exactly ``inputs[0]``'s shape and dtype; returns the first output
        in an array of its own.

        Raises ArtifactError when the runtime refuses.
        """
        try:
            self._native.set_tensor(self._input, tensor)
            self._native.invoke()
            result: NDArray[np.generic] = self._native.get_tensor(self._output)
        except (ValueError, RuntimeError) as error:
            raise _refused(error) from None
        return result

    @cached_property
    def _tensors(self) -> Tensors:
        if not self.inputs or not self.outputs:
            raise ArtifactError(f"a model with {len(self.inputs)} inputs and {len(self.outputs)} outputs")
        places = (self._input, self.inputs[0]), (self._output, self.outputs[0])
        try:
            return open_tensors(self._native, *places, runs=MOVES_WITHIN_RUNS if self.setup.delegate else 1)
        except (ValueError, RuntimeError) as error:
            raise _refused(error) from None


def open_interpreter(model: bytes, runtime: RuntimeChoice = "auto", threads: int = 1) -> Interpreter:
    """The short form of ``Interpreter(model, Setup(runtime, threads))``."""
    return Interpreter(model, Setup(runtime, threads))


def _allocate(model: bytes, runtime: Runtime, setup: Setup) -> Any:
    options: dict[str, Any] = {"model_content": model, "num_threads": setup.threads}
    if not setup.xnnpack:
        options["experimental_op_resolver_type"] = runtime.without_xnnpack
    try:
        with quiet_native_stderr():
            if setup.delegate is not None:
                options["experimental_delegates"] = [load_delegate(runtime, setup.delegate)]
            native = runtime.interpreter(**options)
            if setup.delegate is not None:
                check_taken(native, setup.delegate)
            native.allocate_tensors()
    except ArtifactError:
        raise
    except (ValueError, RuntimeError, TypeError) as error:
        where = f"{runtime.name} {runtime.version}"
        reason = explain_missing(_first_line(error))
        raise ArtifactError(f"the model cannot be loaded by {where} ({reason})") from None
    return native


def _refused(error: Exception) -> ArtifactError:
    return ArtifactError(f"the model cannot be run ({_first_line(error)})")


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    line = lines[0].strip()
    if (first := _FIRST.match(line)) is not None:
        line = "; ".join(filter(None, first.groups()))
    return line[:160]
