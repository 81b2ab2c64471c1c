"""Running a flatbuffer on whichever TFLite runtime the device has."""

from edge.interpreter.child import check_in_child
from edge.interpreter.info import TensorInfo
from edge.interpreter.machine import Machine
from edge.interpreter.remembered import checked
from edge.interpreter.runtimes import Runtime, find_runtime, usable_runtimes
from edge.interpreter.setup import Delegate, Setup, Wanted
from edge.interpreter.wrapper import Interpreter, open_interpreter

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
