"""The words that settings, options and manifests choose from. Light: the command line starts with it."""

from __future__ import annotations

from typing import Literal

Colour = Literal["RGB", "BGR", "GRAY"]
"""Order of the channels that a model takes."""

Range = Literal["0..255", "0..1", "-1..1"]
"""Values that a pixel's 0 and 255 become before they enter the model."""

Resize = Literal["stretch", "crop", "letterbox"]
Interpolation = Literal["area", "linear", "mipmap"]
Dtype = Literal["uint8", "int8", "int16", "float32"]
Activation = Literal["softmax", "sigmoid", "logits"]

RuntimeName = Literal["litert", "tflite-runtime"]
RuntimeChoice = Literal["auto", "litert", "tflite-runtime"]

CHANGEABLE = ("buffer.commit_s", "health.interval_s", "sync.predictions", "sync.backlog_rate")
"""Settings that may be changed while the daemon runs."""

Policy = Literal["latest", "every", "adaptive"]
"""latest: a newer frame replaces one that still waits; every: the source waits for the model (files); adaptive: two
frames may wait, unless they could not be decided in time any more."""
