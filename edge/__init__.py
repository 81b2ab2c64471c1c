"""On-device inference for factory lines.

::

    from edge import capture, load

    model = load("cookie.tflite")
    for frame in capture("photos/"):
        print(frame.name, model.predict(frame.image).label)

Names are imported when they are first used, so that the command line need not wait for OpenCV.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.account import Report
    from edge.artifact import Artifact
    from edge.config import Config, load_config
    from edge.daemon import Line, run_line
    from edge.decide import Decision, Rule
    from edge.errors import EdgeError
    from edge.frames import Frame, FrameSource, capture, open_source
    from edge.model import Model, load

_HOMES = {
    "Artifact": "edge.artifact",
    "Config": "edge.config",
    "Decision": "edge.decide",
    "EdgeError": "edge.errors",
    "Frame": "edge.frames",
    "FrameSource": "edge.frames",
    "Line": "edge.daemon",
    "Model": "edge.model",
    "Report": "edge.account",
    "Rule": "edge.decide",
    "capture": "edge.frames",
    "load": "edge.model",
    "load_config": "edge.config",
    "open_source": "edge.frames",
    "run_line": "edge.daemon",
}

__all__ = [
    "Artifact",
    "Config",
    "Decision",
    "EdgeError",
    "Frame",
    "FrameSource",
    "Line",
    "Model",
    "Report",
    "Rule",
    "capture",
    "load",
    "load_config",
    "open_source",
    "run_line",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'edge' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
