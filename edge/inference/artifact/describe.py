"""Everything the device must know of a model, and who said it: the file, the user, or an assumption.

An artifact with our manifest states all of it. Of a foreign ``.tflite`` its tensors and TFLite Metadata are used;
what they do not state must be given.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast, get_args

from edge.core.choices import Colour, Dtype, Range
from edge.errors import ArtifactError, ConfigError
from edge.inference.artifact.artifact import Artifact
from edge.inference.artifact.manifest import InputSpec, OutputSpec
from edge.inference.interpreter import Interpreter, TensorInfo

Origin = Literal["manifest", "tensor", "metadata", "given", "assumed"]

_NORMALIZATION: dict[Range, tuple[float, float]] = {
    "0..255": (0.0, 1.0),
    "0..1": (0.0, 255.0),
    "-1..1": (127.5, 127.5),
}


@dataclass(frozen=True, slots=True)
class Given:
    """Facts that the user gives about a foreign model; None where nothing is said."""

    labels: Path | None = None
    colour: Colour | None = None
    range: Range | None = None


@dataclass(frozen=True, slots=True)
class ArtifactDescription:
    input: InputSpec
    output: OutputSpec
    labels: tuple[str, ...]
    origins: dict[str, Origin] = field(default_factory=dict)
    """Per property, who said it."""


def normalization(value_range: Range) -> tuple[float, float]:
    """``(mean, std)`` of ``real = (pixel - mean) / std`` for a value range."""
    return _NORMALIZATION[value_range]


def describe(artifact: Artifact, interpreter: Interpreter, given: Given | None = None) -> ArtifactDescription:
    """Raises ArtifactError for a model that is not an image classifier or does not say enough, and ConfigError
    when the user says again what the artifact states.
    """
    given = given or Given()
    if not interpreter.inputs or not interpreter.outputs:
        raise ArtifactError(
            f"{artifact.path}: {len(interpreter.inputs)} inputs and {len(interpreter.outputs)} outputs; "
            "expected one picture in, class scores out"
        )
    source, result = interpreter.inputs[0], interpreter.outputs[0]
    check_classifier(artifact, interpreter)
    if artifact.manifest is not None:
        return _by_manifest(artifact, source, result, given)
    return _foreign(artifact, source, result, given)


def check_classifier(artifact: Artifact, interpreter: Interpreter) -> None:
    """Raises ArtifactError unless it is one picture in, class scores out."""
    shapes = [info.shape for info in interpreter.inputs]
    shape = shapes[0]
    if len(shapes) != 1 or len(shape) != 4 or shape[0] != 1 or shape[3] not in (1, 3) or 0 in shape:
        raise ArtifactError(
            f"{artifact.path}: input of shape {', '.join(map(str, shapes))}; expected one picture, "
            "(1, height, width, 3) or (1, height, width, 1)"
        )
    classes = interpreter.outputs[0].shape
    if not classes or classes[-1] < 1 or any(size != 1 for size in classes[:-1]):
        raise ArtifactError(f"{artifact.path}: output of shape {classes}; expected class scores, (1, classes)")
    for info in (interpreter.inputs[0], interpreter.outputs[0]):
        if info.dtype not in get_args(Dtype):
            expected = ", ".join(get_args(Dtype))
            raise ArtifactError(f"{artifact.path}: tensor {info.name!r} is {info.dtype}; expected {expected}")


def _by_manifest(artifact: Artifact, source: TensorInfo, result: TensorInfo, given: Given) -> ArtifactDescription:
    manifest = artifact.manifest
    assert manifest is not None
    repeated = [name for name in ("labels", "colour", "range") if getattr(given, name) is not None]
    if repeated:
        raise ConfigError(f"{repeated[0]}: {artifact.path} states it itself; remove the setting")
    stated = manifest.input
    if (1, stated.height, stated.width, stated.channels) != source.shape or stated.dtype != source.dtype:
        raise ArtifactError(f"{artifact.path}: the manifest's input does not match the model's {source.shape}")
    if manifest.output.size != result.shape[-1] or manifest.output.dtype != result.dtype:
        raise ArtifactError(f"{artifact.path}: the manifest's output does not match the model's {result.shape}")
    _check_labels(artifact.path, artifact.labels, manifest.output.size)
    origins: dict[str, Origin] = dict.fromkeys(("input", "colour", "range", "resize", "labels", "scores"), "manifest")
    return ArtifactDescription(stated, manifest.output, artifact.labels, origins)


def _foreign(artifact: Artifact, source: TensorInfo, result: TensorInfo, given: Given) -> ArtifactDescription:
    origins: dict[str, Origin] = {"input": "tensor", "resize": "assumed", "scores": "assumed"}
    colour = _colour(artifact, source, given, origins)
    mean, std = _range(artifact, given, origins)
    spec = InputSpec(
        height=source.shape[1],
        width=source.shape[2],
        channels=source.shape[3],
        dtype=cast(Dtype, source.dtype),
        scale=source.scale,
        zero_point=source.zero_point,
        colour=colour,
        mean=mean,
        std=std,
    )
    size = result.shape[-1]
    output = OutputSpec(
        size=size,
        dtype=cast(Dtype, result.dtype),
        scale=result.scale,
        zero_point=result.zero_point,
        activation="sigmoid" if size == 1 else "softmax",
    )
    return ArtifactDescription(spec, output, _labels(artifact, size, given, origins), origins)


def _colour(artifact: Artifact, source: TensorInfo, given: Given, origins: dict[str, Origin]) -> Colour:
    if source.shape[3] == 1:
        origins["colour"] = "tensor"
        return "GRAY"
    if given.colour is not None:
        origins["colour"] = "given"
        return given.colour
    if artifact.stated.colour is not None:
        origins["colour"] = "metadata"
        return artifact.stated.colour
    raise ArtifactError(
        f'{artifact.path} does not state its colour order; give colour "RGB" (most models) or "BGR", or wrap it '
        "with 'edge convert'"
    )


def _range(
    artifact: Artifact, given: Given, origins: dict[str, Origin]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    if given.range is not None:
        origins["range"] = "given"
        mean, std = normalization(given.range)
        return (mean,), (std,)
    if artifact.stated.mean and artifact.stated.std and all(artifact.stated.std):
        origins["range"] = "metadata"
        return artifact.stated.mean, artifact.stated.std
    choices = ", ".join(repr(choice) for choice in get_args(Range))
    raise ArtifactError(f"{artifact.path} does not state its value range; give range, one of {choices}")


def _labels(artifact: Artifact, size: int, given: Given, origins: dict[str, Origin]) -> tuple[str, ...]:
    if given.labels is not None:
        origins["labels"] = "given"
        labels = read_labels(given.labels)
    elif artifact.labels:
        origins["labels"] = "metadata"
        labels = artifact.labels
    else:
        origins["labels"] = "assumed"
        labels = tuple(str(index) for index in range(max(size, 2)))
    _check_labels(given.labels or artifact.path, labels, size)
    return labels


def read_labels(path: Path) -> tuple[str, ...]:
    """One label a line. Raises ConfigError."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"labels: {path} cannot be read ({error}); expected one label a line") from None
    return tuple(line.strip() for line in lines if line.strip())


def _check_labels(path: Path, labels: tuple[str, ...], size: int) -> None:
    expected = max(size, 2)
    if len(labels) != expected:
        raise ArtifactError(f"{path}: {len(labels)} labels for {expected} classes; expected one label per class")
