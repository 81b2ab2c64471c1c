"""A trained Keras model from a file, checked to be an image classifier."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from converter.quiet import quietly, tensorflow
from edge.errors import ConversionError

BATCH = 64


@dataclass(frozen=True)
class FloatModel:
    """What the converter needs of a trained model. Shapes are (batch, height, width, channels) → (batch, size)."""

    path: Path
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

    def predict(self, pixels: NDArray[np.uint8], prepare: Callable[[Any], Any]) -> NDArray[np.float32]:
        """Raw outputs, (n, size) float32, for pictures (n, height, width, channels).

        ``prepare`` turns a float32 tensor of 0..255 values into what the model was trained on.
        """
        step = self.batch or BATCH
        starts = range(0, len(pixels), step)
        parts = [self._traced(prepare(pixels[i : i + step].astype(np.float32))).numpy() for i in starts]
        outputs: NDArray[np.float32] = np.concatenate(parts).astype(np.float32)
        return outputs

    @property
    def classes(self) -> int:
        """A single output is the score of the second of two classes."""
        return max(self.size, 2)

    @cached_property
    def _traced(self) -> Any:
        tf = tensorflow()
        shape = [self.batch, self.height, self.width, self.channels]
        return tf.function(self.call, input_signature=[tf.TensorSpec(shape, tf.float32)])


def load(path: Path) -> FloatModel:
    """A ``.keras``, ``.h5``/``.hdf5`` file or a SavedModel folder. Raises ConversionError, MissingError."""
    if not path.exists():
        raise ConversionError(f"{path}: no such file; expected a Keras model (.keras, .h5, SavedModel folder)")
    if (path / "saved_model.pb").exists():
        model = _saved_model(path)
    elif path.suffix in (".keras", ".h5", ".hdf5"):
        model = _keras(path)
    else:
        raise ConversionError(f"{path}: not a Keras model; expected .keras, .h5, .hdf5 or a SavedModel folder")
    _check_weights(model)
    return model


def _keras(path: Path) -> FloatModel:
    tf = tensorflow()
    import keras

    with quietly(f"{path} cannot be loaded by Keras {keras.__version__}"):
        model = keras.models.load_model(path, compile=False)
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
    )


def _saved_model(path: Path) -> FloatModel:
    tf = tensorflow()
    with quietly(f"{path} cannot be loaded as a SavedModel"):
        loaded = tf.saved_model.load(str(path))
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
