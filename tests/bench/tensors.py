"""The interpreter's own memory against ``set_tensor`` and ``get_tensor``."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from edge.inference.artifact.manifest import InputSpec
from edge.inference.interpreter import Interpreter, Setup, usable_runtimes
from edge.inference.preprocess import Preprocessor
from tests.bench.setting import Setting
from tests.bench.timing import Row, interleaved

FRAME = np.random.default_rng(1).integers(0, 256, (480, 640, 3), np.uint8)


def rows(setting: Setting) -> Iterator[Row]:
    """With a real model of 96×96, on each runtime."""
    content = setting.model.read_bytes()
    for runtime in usable_runtimes():
        yield around_invoke(Interpreter(content, Setup(runtime.name)))
        yield from_frame(Interpreter(content, Setup(runtime.name)))


def around_invoke(interpreter: Interpreter) -> Row:
    """A ready tensor, copied into the interpreter's memory, and the output read there."""
    tensor = interpreter.input.copy()

    def mapped() -> None:
        np.copyto(interpreter.input, tensor)
        interpreter.run()

    ours, other = interleaved(mapped, lambda: interpreter.invoke(tensor), 600)
    return _row("copy into the input and run(), against set_tensor, invoke, get_tensor", interpreter, ours, other)


def from_frame(interpreter: Interpreter) -> Row:
    """640×480 to output: preprocessing straight into the interpreter's memory saves the copy, too."""
    _, height, width, channels = interpreter.inputs[0].shape
    spec = InputSpec(height, width, channels, "uint8", colour="RGB" if channels == 3 else "GRAY")
    if interpreter.inputs[0].dtype != "uint8":
        spec = InputSpec(height, width, channels, "int8", 1.0, -128, colour=spec.colour)
    into, apart = Preprocessor(spec, interpreter.input), Preprocessor(spec)

    def mapped() -> None:
        into(FRAME)
        interpreter.run()

    ours, other = interleaved(mapped, lambda: interpreter.invoke(apart(FRAME)), 600)
    return _row("preprocess into the input and run(), against an own tensor and invoke()", interpreter, ours, other)


def _row(what: str, interpreter: Interpreter, ours: float, other: float) -> Row:
    name = f"{what}, {interpreter.runtime.name} ({(ours - other) * 1e6:+.1f} µs)"
    return Row(name, ours * 1000, other * 1000, "ms", "≤ 1.05", ours <= other * 1.05)
