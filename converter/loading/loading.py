"""A trained Keras model, from a file or as it is, checked to be an image classifier."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from converter.loading import keras_files
from converter.loading.classifier import ProbeInput
from converter.quiet import quietly, tensorflow
from edge.errors import ConversionError

BATCH = 64


@dataclass(frozen=True)
class FloatModel:
    """Trained model as the converter needs it. Shapes are (batch, height, width, channels) → (batch, size)."""

    path: Path
    """Where it came from; the name of a model that came from no file."""
    call: Callable[[Any], Any]
    """Tensor → tensor, in inference mode."""
    variables: tuple[Any, ...]
    """The ``tf.Variable`` objects behind ``call``."""
    owner: Any
    """Whatever TensorFlow must track to save ``call``; None when ``variables`` is enough."""
    height: int
    width: int
    channels: int
    size: int
    batch: int | None = None
    """1 where the file fixes it."""
    file: Path | None = None
    """The file or folder; None for a model in memory."""

    def predict(self, pixels: NDArray[np.uint8], prepare: Callable[[Any], Any]) -> NDArray[np.float32]:
        """Raw outputs, (n, size) float32, for pictures (n, height, width, channels).

        ``prepare`` turns a float32 tensor of 0..255 values into what the model was trained on.
        """
        step = self.batch or BATCH
        starts = range(0, len(pixels), step)
        parts = [self._traced(prepare(pixels[i : i + step].astype(np.float32))).numpy() for i in starts]
        outputs: NDArray[np.float32] = np.concatenate(parts).astype(np.float32)
        return outputs

    def judge_each(self, asked: Iterable[ProbeInput]) -> list[NDArray[np.float32]]:
        """Raw outputs of each, as ``Classifier`` has it."""
        with quietly(f"{self.path} cannot be run"):
            return [self.predict(pixels, convention.apply) for pixels, convention in asked]

    @property
    def classes(self) -> int:
        """A single output is the score of the second of two classes."""
        return max(self.size, 2)

    @cached_property
    def _traced(self) -> Any:
        tf = tensorflow()
        shape = [self.batch, self.height, self.width, self.channels]
        return tf.function(self.call, input_signature=[tf.TensorSpec(shape, tf.float32)])


def load(source: Path | Any) -> FloatModel:
    """A ``.keras``, ``.h5``/``.hdf5`` file, a SavedModel folder, or a ``keras.Model``.

    Raises ConversionError, MissingError.
    """
    model = _from_path(source) if isinstance(source, Path) else _from_object(source)
    _check_weights(model)
    return model


def _from_path(path: Path) -> FloatModel:
    if not path.exists():
        raise ConversionError(f"{path}: no such file; expected a Keras model (.keras, .h5, SavedModel folder)")
    if (path / "saved_model.pb").exists():
        tf = tensorflow()
        with quietly(f"{path} cannot be loaded as a SavedModel"):
            return _saved_model(path, tf.saved_model.load(str(path)))
    if path.suffix not in (".keras", ".h5", ".hdf5") or not path.is_file():
        raise ConversionError(f"{path}: not a Keras model; expected .keras, .h5, .hdf5 or a SavedModel folder")
    model = keras_files.read(path)
    return _saved_model(path, model) if hasattr(model, "signatures") else _keras(path, model, path)


def _from_object(model: Any) -> FloatModel:
    tensorflow()
    import keras

    if not isinstance(model, keras.Model):
        kind = f"{type(model).__module__}.{type(model).__qualname__}"
        raise ConversionError(f"a {kind}: expected a keras.Model or a path; save it to a file and convert that")
    if keras.backend.backend() != "tensorflow":
        raise ConversionError(
            f"{model.name}: Keras runs on {keras.backend.backend()} here; save the model to a file and convert that "
            "in another process, or set KERAS_BACKEND=tensorflow"
        )
    return _keras(Path(model.name), model, None)


def _keras(path: Path, model: Any, file: Path | None) -> FloatModel:
    tf = tensorflow()
    inputs, outputs = getattr(model, "inputs", None), getattr(model, "outputs", None)
    if not inputs or not outputs:
        raise ConversionError(f"{path}: the model has no fixed input shape; build it before saving it")
    source, result = _only(path, "inputs", inputs), _only(path, "outputs", outputs)
    height, width, channels = _picture(path, tuple(source.shape))
    return FloatModel(
        path=path,
        call=lambda pictures: model(tf.cast(pictures, source.dtype), training=False),
        variables=tuple(variable.value for variable in model.variables),
        owner=None,
        height=height,
        width=width,
        channels=channels,
        size=_classes(path, tuple(result.shape)),
        batch=_batch(path, source.shape[0]),
        file=file,
    )


def _saved_model(path: Path, loaded: Any) -> FloatModel:
    tf = tensorflow()
    signature = loaded.signatures.get("serving_default")
    if signature is None:
        raise ConversionError(f"{path}: no serving_default signature; save the model with model.export()")
    sources = signature.structured_input_signature[1]
    source = _only(path, "inputs", list(sources.values()))
    result = _only(path, "outputs", list(signature.structured_outputs.values()))
    height, width, channels = _picture(path, tuple(source.shape))
    name = next(iter(sources))
    return FloatModel(
        path=path,
        call=lambda pictures: next(iter(signature(**{name: tf.cast(pictures, source.dtype)}).values())),
        variables=tuple(signature.variables),
        owner=loaded,
        height=height,
        width=width,
        channels=channels,
        size=_classes(path, tuple(result.shape)),
        batch=_batch(path, source.shape[0]),
        file=path,
    )


def _only(path: Path, what: str, tensors: list[Any]) -> Any:
    if len(tensors) != 1:
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in tensors)
        raise ConversionError(f"{path}: {len(tensors)} {what} {shapes}; expected one picture in, class scores out")
    return tensors[0]


def _picture(path: Path, shape: tuple[int | None, ...]) -> tuple[int, int, int]:
    if len(shape) != 4 or shape[3] not in (1, 3):
        raise ConversionError(f"{path}: input of shape {shape}; expected pictures, (None, height, width, 3 or 1)")
    _, height, width, channels = shape
    if height is None or width is None or channels is None:
        raise ConversionError(f"{path}: input of shape {shape}; save the model with a fixed height and width")
    return height, width, channels


def _batch(path: Path, size: int | None) -> int | None:
    if size not in (None, 1):
        raise ConversionError(f"{path}: the batch size is fixed at {size}; save the model with an open one (None)")
    return size


def _classes(path: Path, shape: tuple[int | None, ...]) -> int:
    if len(shape) != 2 or not shape[1]:
        raise ConversionError(f"{path}: output of shape {shape}; expected class scores, (None, classes)")
    return shape[1]


def _check_weights(model: FloatModel) -> None:
    for variable in model.variables:
        if variable.dtype.is_floating and not np.isfinite(np.asarray(variable, np.float64)).all():
            raise ConversionError(f"{model.path}: {variable.name} holds NaN or infinity; train the model again")
