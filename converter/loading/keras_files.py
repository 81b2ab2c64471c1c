"""Reads Keras files: those of Keras 3, and those of Keras 2 that Keras 3 alone cannot load."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from converter.loading.keras2 import through_keras_2, translated
from converter.quiet import quietly, tensorflow
from edge.errors import ConversionError, MissingError

KERAS_2 = "tf-keras==2.21.0"
"""Package that reads the rest of the Keras 2 files. Not a dependency: it would bring the CUDA build of TensorFlow
along, 600 MB more than tensorflow-cpu, which serves it as well."""

_MODELS = ("Functional", "Model", "Sequential")


def read(path: Path) -> Any:
    """A ``keras.Model``, or a loaded SavedModel of one that only Keras 2 understands.

    Raises ConversionError for a file that is damaged, holds Python code or layers that Keras does not have;
    MissingError when only Keras 2 could read it.
    """
    tensorflow()
    import keras

    with quietly(f"{path} cannot be loaded by Keras {keras.__version__}"):
        config, version = _config(path)
        _refuse_code(path, config)
        try:
            return keras.models.load_model(path, compile=False)
        except Exception:
            _refuse_unknown(path, config)
            if version.startswith("3") or not config:
                raise
        return _keras_2(path, config, version)


def _keras_2(path: Path, config: Any, version: str) -> Any:
    if path.suffix != ".keras":
        with contextlib.suppress(ValueError, TypeError, KeyError, AttributeError, RuntimeError):
            return translated(path, config)
    if importlib.util.find_spec("tf_keras") is None:
        raise MissingError(f"{path}: only Keras 2 can load it (Keras {version}); pip install --no-deps {KERAS_2}")
    return through_keras_2(path)


def _config(path: Path) -> tuple[Any, str]:
    """Configuration of the layers in the file, and the version of Keras that wrote it; empty where the file has
    none."""
    if path.suffix == ".keras":
        if not zipfile.is_zipfile(path):
            return {}, ""
        with zipfile.ZipFile(path) as archive:
            metadata = json.loads(archive.read("metadata.json"))
            return json.loads(archive.read("config.json")), str(metadata.get("keras_version", ""))
    import h5py

    with h5py.File(path) as file:
        if "model_config" not in file.attrs:
            raise ConversionError(
                f"{path}: weights without their model; save the whole model with model.save('model.keras')"
            )
        return json.loads(file.attrs["model_config"]), str(file.attrs.get("keras_version", ""))


def _layers(config: Any) -> Iterator[tuple[str, str]]:
    """Name and class of each layer, at any depth."""
    if isinstance(config, list):
        for item in config:
            yield from _layers(item)
    elif isinstance(config, dict):
        inner = config.get("config")
        if "class_name" in config and isinstance(inner, dict) and "layers" in inner:
            for layer in inner["layers"]:
                yield str(layer["config"].get("name", "")), str(layer["class_name"])
                yield from _layers(layer)
        elif isinstance(inner, dict) and "layer" in inner:  # a wrapper, such as TimeDistributed
            yield from _layers({"class_name": "Model", "config": {"layers": [inner["layer"]]}})


def _refuse_code(path: Path, config: Any) -> None:
    """A Lambda layer is Python byte code, which loading would run."""
    for name, kind in _layers(config):
        if kind == "Lambda":
            raise ConversionError(
                f"{path}: layer {name!r} is a Lambda, Python code inside the file; replace it by a Keras layer, or "
                "hand over the SavedModel that model.export() writes"
            )


def _refuse_unknown(path: Path, config: Any) -> None:
    import keras

    known = {*_MODELS, "TensorFlowOpLayer", "TFOpLambda", "SlicingOpLambda"}
    for name, kind in _layers(config):
        plain = kind.rpartition(">")[2]
        if plain not in known and not hasattr(keras.layers, plain):
            raise ConversionError(
                f"{path}: layer {name!r} is a {kind}, which Keras does not have; hand over the SavedModel that "
                "model.export() writes, or the model itself in Python"
            )
