from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from converter.loading.loading import load
from converter.quiet import quietly, tensorflow
from edge.errors import ConversionError

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("tensorflow")]


@pytest.fixture
def layers() -> Any:
    tensorflow()
    import keras

    return keras.layers


def save(path: Path, inputs: Any, outputs: Any) -> Path:
    import keras

    model = keras.Model(inputs, outputs)
    with quietly("saving"):
        if path.suffix:
            model.save(path)
        else:
            model.export(path, verbose=False)
    return path


def small(layers: Any, shape: tuple[int | None, ...] = (8, 8, 3)) -> tuple[Any, Any]:
    inputs = layers.Input(shape)
    return inputs, layers.Dense(2)(layers.GlobalAveragePooling2D()(inputs))


@pytest.mark.parametrize("name", ["model.keras", "model.h5", "model.hdf5", "saved_model"])
def test_every_kind_of_file_gives_the_same_model(tmp_path: Path, layers: Any, name: str):
    inputs, outputs = small(layers)
    model = load(save(tmp_path / name, inputs, outputs))
    pixels = np.random.default_rng(0).integers(0, 256, (70, 8, 8, 3)).astype(np.uint8)
    import keras

    expected = keras.Model(inputs, outputs).predict(pixels / 255.0, verbose=0)
    assert (model.height, model.width, model.channels, model.size) == (8, 8, 3, 2)
    assert model.predict(pixels, lambda values: values / 255.0) == pytest.approx(expected, abs=1e-5)


def two_inputs(layers: Any) -> tuple[Any, Any]:
    first, second = layers.Input((8, 8, 3)), layers.Input((8, 8, 3))
    return [first, second], layers.Dense(2)(layers.Flatten()(layers.Add()([first, second])))


def two_outputs(layers: Any) -> tuple[Any, Any]:
    inputs, outputs = small(layers)
    return inputs, [outputs, layers.Softmax()(outputs)]


def a_picture_out(layers: Any) -> tuple[Any, Any]:
    inputs = layers.Input((8, 8, 3))
    return inputs, layers.Conv2D(2, 1)(inputs)


def numbers_in(layers: Any) -> tuple[Any, Any]:
    inputs = layers.Input((12,))
    return inputs, layers.Dense(2)(inputs)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (two_inputs, r"2 inputs \(None, 8, 8, 3\), \(None, 8, 8, 3\); expected one picture"),
        (two_outputs, r"2 outputs"),
        (a_picture_out, r"output of shape \(None, 8, 8, 2\); expected class scores"),
        (numbers_in, r"input of shape \(None, 12\); expected pictures"),
        (lambda layers: small(layers, (8, 8, 4)), r"input of shape \(None, 8, 8, 4\)"),
        (lambda layers: small(layers, (None, None, 3)), r"fixed height and width"),
    ],
    ids=["two inputs", "two outputs", "a picture out", "numbers in", "four channels", "open size"],
)
def test_a_model_that_is_no_image_classifier_is_refused(
    tmp_path: Path, layers: Any, build: Callable[[Any], tuple[Any, Any]], message: str
):
    with pytest.raises(ConversionError, match=message):
        load(save(tmp_path / "model.keras", *build(layers)))


def test_weights_that_are_not_numbers_are_refused(tmp_path: Path, layers: Any):
    inputs, outputs = small(layers)
    import keras

    model = keras.Model(inputs, outputs)
    model.layers[-1].bias.assign([0.0, np.nan])
    model.save(tmp_path / "model.keras")
    with pytest.raises(ConversionError, match=r"bias.* holds NaN or infinity"):
        load(tmp_path / "model.keras")


@pytest.mark.parametrize("name", ["broken.keras", "broken.h5"])
def test_a_broken_file_is_one_clear_line(tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str):
    path = tmp_path / name
    path.write_bytes(b"not a model" * 50)
    with pytest.raises(ConversionError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path} cannot be loaded by Keras 3")
    assert "\n" not in str(caught.value)
    log = Path(str(caught.value).rpartition(" in ")[2])
    assert "Traceback" in log.read_text()
    log.unlink()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["absent.keras", "photo.jpg", "folder"])
def test_what_is_no_model_at_all_is_named(tmp_path: Path, name: str):
    (tmp_path / "photo.jpg").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(ConversionError, match=rf"{name}: .*\.keras, \.h5"):
        load(tmp_path / name)


def test_a_model_in_memory_is_taken_as_it_is(layers: Any):
    import keras

    inputs, outputs = small(layers)
    model = keras.Model(inputs, outputs, name="cookie")
    loaded = load(model)
    assert (str(loaded.path), loaded.height, loaded.size) == ("cookie", 8, 2)
    pixels = np.full((2, 8, 8, 3), 100, np.uint8)
    assert loaded.predict(pixels, lambda values: values) == pytest.approx(model(pixels / 1.0).numpy())
    with pytest.raises(ConversionError, match=r"a builtins\.str: expected a keras\.Model or a path"):
        load("cookie.keras")


def test_a_file_cut_short_is_one_clear_line(tmp_path: Path, layers: Any):
    path = save(tmp_path / "model.h5", *small(layers))
    path.write_bytes(path.read_bytes()[:4000])
    with pytest.raises(ConversionError, match=r"^\S+model\.h5 cannot be loaded by Keras 3\S+: .*truncated") as caught:
        load(path)
    Path(str(caught.value).rpartition(" in ")[2]).unlink()


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_python_code_in_a_file_is_never_run(tmp_path: Path, layers: Any, suffix: str):
    inputs = layers.Input((8, 8, 3))
    outputs = layers.Dense(2)(layers.Flatten()(layers.Lambda(lambda x: x / 255, name="scale")(inputs)))
    with pytest.raises(ConversionError, match=r"layer 'scale' is a Lambda, Python code inside the file; replace it"):
        load(save(tmp_path / f"model{suffix}", inputs, outputs))


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_layer_that_keras_does_not_have_is_named(tmp_path: Path, layers: Any, suffix: str):
    class Twice(layers.Layer):  # type: ignore[name-defined,misc]
        def call(self, values: Any) -> Any:
            return 2 * values

    inputs = layers.Input((8, 8, 3))
    outputs = layers.Dense(2)(layers.Flatten()(Twice(name="doubling")(inputs)))
    with pytest.raises(ConversionError, match=r"layer 'doubling' is a Twice, which Keras does not have; hand over"):
        load(save(tmp_path / f"model{suffix}", inputs, outputs))
