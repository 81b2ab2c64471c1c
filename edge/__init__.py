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
    from edge.device.config import Config, load_config
    from edge.device.line import Line, run_line
    from edge.device.report import LineReport
    from edge.errors import EdgeError
    from edge.inference.artifact import Artifact
    from edge.inference.frames import Frame, FrameSource, capture, open_source
    from edge.inference.model import Model, load
    from edge.inference.tasks.classification import ClassificationRule, Decision

_HOMES = {
    "Artifact": "edge.inference.artifact",
    "Config": "edge.device.config",
    "Decision": "edge.inference.tasks.classification",
    "EdgeError": "edge.errors",
    "Frame": "edge.inference.frames",
    "FrameSource": "edge.inference.frames",
    "Line": "edge.device.line",
    "Model": "edge.inference.model",
    "LineReport": "edge.device.report",
    "ClassificationRule": "edge.inference.tasks.classification",
    "capture": "edge.inference.frames",
    "load": "edge.inference.model",
    "load_config": "edge.device.config",
    "open_source": "edge.inference.frames",
    "run_line": "edge.device.line",
}

__all__ = [
    "Artifact",
    "ClassificationRule",
    "Config",
    "Decision",
    "EdgeError",
    "Frame",
    "FrameSource",
    "Line",
    "LineReport",
    "Model",
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
