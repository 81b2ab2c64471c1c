"""External delegates: shared libraries that take over a part of a model, such as the Edge TPU's ``libedgetpu.so.1``.

The interface is upstream's ``external_delegate_interface.h``: ``tflite_plugin_create_delegate`` and
``tflite_plugin_destroy_delegate``.
"""

from __future__ import annotations

import ctypes
from typing import Any

from edge.errors import ArtifactError, MissingError
from edge.inference.interpreter.runtimes import Runtime
from edge.inference.interpreter.setup import Delegate

_FUNCTIONS = ("tflite_plugin_create_delegate", "tflite_plugin_destroy_delegate")
_TAKEN = "DELEGATE"
"""Name that both runtimes give a node that a delegate has put in place of others."""


def load_delegate(runtime: Runtime, delegate: Delegate) -> Any:
    """The runtime's own delegate object.

    Raises MissingError when the library is missing or no delegate, ArtifactError when it refuses to start.
    """
    _check_library(delegate.library)
    try:
        return runtime.load_delegate(delegate.library, dict(delegate.options))
    except ValueError as error:
        # The first line repeats the path, the second is what the library reports, if it does.
        said = str(error).strip().partition("\n")[2].strip() or "it gives no reason; is its device connected?"
        raise ArtifactError(f"delegate {delegate} does not start: {said}") from None


def check_taken(native: Any, delegate: Delegate) -> None:
    """Raises ArtifactError when the delegate has taken no part of the model. Asked before XNNPACK comes."""
    if not any(node["op_name"] == _TAKEN for node in native._get_ops_details()):
        raise ArtifactError(
            f"delegate {delegate} takes no part of the model, which would run on the processor alone; "
            "compile the model for it, or leave the delegate out"
        )


def explain_missing(reason: str) -> str:
    """Explains what the runtimes say about a custom operator that a delegate would bring, with the way out."""
    if "edgetpu-custom-op" in reason:
        return "it is compiled for the Edge TPU; give its delegate (libedgetpu.so.1), or convert it for the processor"
    if "custom op" in reason:
        return f"{reason.rstrip('.')}; give the delegate that brings it, or convert the model without it"
    return reason


def _check_library(library: str) -> None:
    # The runtimes' own class would leave half an object behind, whose end prints a traceback.
    try:
        handle = ctypes.CDLL(library)
    except OSError as error:
        raise MissingError(f"delegate {library}: cannot be loaded ({error}); expected a shared library") from None
    missing = [name for name in _FUNCTIONS if not hasattr(handle, name)]
    if missing:
        raise MissingError(f"delegate {library}: is no TFLite delegate (it has no {missing[0]})")
