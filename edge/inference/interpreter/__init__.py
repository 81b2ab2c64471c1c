"""Running a flatbuffer on whichever TFLite runtime the device has."""

from edge.inference.interpreter.child import check_in_child
from edge.inference.interpreter.info import TensorInfo
from edge.inference.interpreter.machine import Machine
from edge.inference.interpreter.remembered import checked
from edge.inference.interpreter.runtimes import Runtime, find_runtime, usable_runtimes
from edge.inference.interpreter.setup import Delegate, Setup, Wanted
from edge.inference.interpreter.wrapper import Interpreter, open_interpreter

__all__ = [
    "Delegate",
    "Interpreter",
    "Machine",
    "Runtime",
    "Setup",
    "TensorInfo",
    "Wanted",
    "check_in_child",
    "checked",
    "find_runtime",
    "open_interpreter",
    "usable_runtimes",
]
