"""Manifest: what a model says about itself, ``manifest.json`` inside the artifact."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Literal

from edge.core.choices import Activation, Colour, Dtype, Interpolation, Resize
from edge.core.structs import build, plain
from edge.errors import ArtifactError, ConfigError

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class InputSpec:
    """Way from a camera picture (uint8) to the input tensor (shape 1×height×width×channels).

    Resize by ``resize`` and ``interpolation``, reorder to ``colour``, then per channel
    ``real = (pixel - mean) / std``, then, for integer tensors, ``q = round(real / scale) + zero_point``
    (the affine quantization of the TFLite quantization specification). ``mean`` and ``std`` hold one value, or
    one per channel, as NormalizationOptions of the TFLite Metadata standard do.
    """

    height: int
    width: int
    channels: int
    dtype: Dtype
    scale: float = 1.0
    zero_point: int = 0
    colour: Colour = "RGB"
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    resize: Resize = "stretch"
    interpolation: Interpolation = "mipmap"


@dataclass(frozen=True, slots=True)
class OutputSpec:
    """The class scores, shape 1×size: ``real = scale * (q - zero_point)``, then ``activation`` says what they are."""

    size: int
    dtype: Dtype
    scale: float = 1.0
    zero_point: int = 0
    activation: Activation = "softmax"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Measured by the converter on labelled images that it did not calibrate with; fractions from 0 to 1."""

    samples: int
    accuracy_float: float
    accuracy_quantized: float
    agreement: float
    """Share of the images on which the float and the quantized model name the same class."""


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Accuracy of a ready ``.tflite`` that was wrapped: there is no other model to compare it with."""

    samples: int
    accuracy: float


@dataclass(frozen=True, slots=True)
class Manifest:
    model: str
    """Model id: letters, digits, dot, dash, underscore; it is part of MQTT topics."""
    version: int
    """Rises with each artifact of the same model id."""
    created: str
    """ISO 8601, UTC: when the trained model was last written, so that the same input gives the same bytes."""
    input: InputSpec
    output: OutputSpec
    flatbuffer_sha256: str
    files: dict[str, str] = field(default_factory=dict)
    """SHA-256 of every other associated file, by name."""
    task: Literal["classification"] = "classification"
    min_runtime: str = ""
    """The oldest TFLite runtime that knows every operator version in the file, as the file itself states it."""
    runtimes: tuple[str, ...] = ()
    """Where the converter has really run it, as ``edge.inference.interpreter.Interpreter.platform`` says it."""
    hardware: tuple[str, ...] = ("any",)
    """``platform.machine()`` names the model is fit for, or ``any``."""
    evaluation: Evaluation | None = None
    accuracy: Accuracy | None = None
    golden_platform: str = ""
    """Where the golden outputs were computed, as ``edge.inference.interpreter.Interpreter.platform`` says it: there
    a device must reproduce integer outputs exactly."""
    golden_tolerance: int = 0
    """Largest allowed difference from the golden outputs elsewhere, in quantization steps (1/256 for float32)."""
    schema: int = SCHEMA

    def to_json(self) -> bytes:
        """Canonical bytes: UTF-8, keys sorted, no spaces."""
        return json.dumps(plain(self), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Manifest:
        """Raises ArtifactError. Keys of a newer minor schema are passed over."""
        try:
            fields = json.loads(data)
            schema = fields.get("schema", 0) if isinstance(fields, dict) else 0
            if schema > SCHEMA:
                raise ArtifactError(
                    f"manifest.json: schema {schema} is newer than this SDK knows ({SCHEMA}); update edgeline"
                )
            return build(cls, fields, "manifest.json", strict=False)
        except (ValueError, ConfigError) as error:
            if isinstance(error, ArtifactError):
                raise
            raise ArtifactError(f"manifest.json is not valid: {error}; convert the model again") from None
