"""Running a flatbuffer on whichever TFLite runtime the device has."""

from edge.interpreter.child import check_in_child
from edge.interpreter.runtimes import Runtime, find_runtime, usable_runtimes
from edge.interpreter.wrapper import Interpreter, TensorInfo, open_interpreter

__all__ = [
    "Interpreter",
    "Runtime",
    "TensorInfo",
    "check_in_child",
    "find_runtime",
    "open_interpreter",
    "usable_runtimes",
]
