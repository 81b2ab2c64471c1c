"""Files of Keras 2, written by tf_keras in a process of its own, which also says what they answer."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from converter.loading import keras_files
from converter.loading.keras2 import translate
from converter.loading.loading import load
from edge.errors import MissingError
from tests.support.kept import digest, kept

pytestmark = pytest.mark.xdist_group("tensorflow processes")

THIRD_PARTY = ("mlcommons_tiny/vww_96.h5", "mlcommons_tiny/pretrainedResnet.h5", "fer/emotion_model.hdf5")

WRITE = """
import sys
import numpy as np
import tf_keras

keras, layers, folder = tf_keras, tf_keras.layers, sys.argv[1]
tf_keras.utils.set_random_seed(0)

def base():
    source = keras.Input((32, 32, 3))
    hidden = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(source)
    for name in "ab":
        shortcut = hidden
        hidden = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name="depthwise_" + name)(hidden)
        hidden = layers.ReLU(6.0)(layers.BatchNormalization(gamma_initializer="random_uniform")(hidden))
        hidden = layers.Add()([shortcut, hidden])
    return keras.Model(source, hidden)

def teachable():
    features = keras.Sequential([base(), layers.GlobalAveragePooling2D()])
    head = keras.Sequential([layers.Dense(9, "relu", input_shape=(8,)), layers.Dense(3, "softmax", use_bias=False)])
    model = keras.Sequential([features, head])
    model.build((None, 32, 32, 3))
    return model

def nested():
    source = keras.Input((32, 32, 3))
    return keras.Model(source, layers.Dense(3)(layers.GlobalAveragePooling2D()(base()(source))))

def arithmetic():
    source = keras.Input((32, 32, 3))
    return keras.Model(source, layers.Dense(3)(layers.Flatten()(base()(source * 2.0 - 1.0))))

pixels = np.load(folder + "/pixels.npy") / np.float32(255)
for make in (teachable, nested, arithmetic):
    model = make()
    for kind in ("h5", "keras") if make is arithmetic else ("h5",):
        model.save(f"{folder}/{make.__name__}.{kind}")
    np.save(f"{folder}/{make.__name__}.npy", model.predict(pixels, verbose=0))
"""

ASK = """
import sys
import numpy as np
import tf_keras

folder = sys.argv[1]
for number, path in enumerate(sys.argv[2:]):
    model = tf_keras.models.load_model(path, compile=False)
    pixels = np.random.default_rng(0).integers(0, 256, (8, *model.input_shape[1:])) / np.float32(255)
    np.save(f"{folder}/{number}.npy", model.predict(pixels, verbose=0))
"""


def _needs_keras_2() -> None:
    if importlib.util.find_spec("tf_keras") is None:
        pytest.skip(f"pip install --no-deps {keras_files.KERAS_2}")


@pytest.fixture(scope="module")
def written() -> Path:
    """A folder of files that Keras 2 wrote, and of what it answers with them."""
    _needs_keras_2()
    return kept("keras2", _write)


@pytest.fixture(scope="module")
def answers(shared_data: Path) -> Path:
    """What Keras 2 answers where it loads the models of others."""
    _needs_keras_2()
    paths = [shared_data / "models" / name for name in THIRD_PARTY]
    return kept("keras2-answers", partial(_in_keras_2, ASK, paths), digest(*paths))


def _write(folder: Path) -> None:
    folder.mkdir()
    np.save(folder / "pixels.npy", np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3)).astype(np.uint8))
    _in_keras_2(WRITE, (), folder)


def _in_keras_2(code: str, arguments: Sequence[Path], folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    subprocess.run([sys.executable, "-c", code, folder, *arguments], check=True, capture_output=True)


@pytest.fixture
def quick_start(tensorflow_python: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process that Keras 2 works in is forked where TensorFlow is imported already."""
    monkeypatch.setattr(sys, "executable", str(tensorflow_python))


@pytest.mark.slow
@pytest.mark.usefixtures("quick_start")
@pytest.mark.parametrize("name", ["teachable.h5", "nested.h5", "arithmetic.h5", "arithmetic.keras"])
def test_a_keras_2_file_answers_as_in_keras_2(written: Path, name: str):
    model = load(written / name)
    expected = np.load((written / name).with_suffix(".npy"))
    assert np.ptp(expected, axis=0).max() > 1e-3
    outputs = model.predict(np.load(written / "pixels.npy"), lambda values: values / 255.0)
    assert outputs == pytest.approx(expected, abs=1e-6)
    assert "tf_keras" not in sys.modules


@pytest.mark.slow
def test_what_only_keras_2_can_read_names_its_package(written: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "tf_keras", None)
    with pytest.raises(MissingError, match=r"only Keras 2 can load it .*pip install --no-deps tf-keras==") as caught:
        load(written / "arithmetic.h5")
    assert keras_files.KERAS_2 in str(caught.value)


@pytest.mark.slow
@pytest.mark.thirdparty
def test_models_by_others_answer_as_in_keras_2(shared_data: Path, answers: Path):
    for number, path in enumerate(shared_data / "models" / name for name in THIRD_PARTY):
        model = load(path)
        shape = (8, model.height, model.width, model.channels)
        pixels = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
        outputs = model.predict(pixels, lambda values: values / np.float32(255))
        assert outputs == pytest.approx(np.load(answers / f"{number}.npy"), abs=1e-6), path


def test_only_what_keras_3_reads_otherwise_is_translated():
    depthwise = {"class_name": "DepthwiseConv2D", "module": "keras.layers", "config": {"name": "d", "groups": 1}}
    assert translate(depthwise) == {"class_name": "DepthwiseConv2D", "config": {"name": "d"}}
    grouped = {"class_name": "Conv2D", "config": {"name": "c", "groups": 2}}
    assert translate(grouped) == grouped


def test_calls_of_a_model_inside_a_model_count_from_zero():
    def layer(kind: str, name: str, source: str, call: int) -> dict[str, object]:
        return {
            "class_name": kind,
            "name": name,
            "config": {"name": name},
            "inbound_nodes": [[[source, call, 0, {}]]],
        }

    inside = layer("Sequential", "inside", "input", 0)
    config = {
        "class_name": "Functional",
        "config": {
            "layers": [inside, layer("Dense", "dense", "inside", 1)],
            "input_layers": [["input", 0, 0]],
            "output_layers": [["dense", 0, 0], ["inside", 1, 0]],
        },
    }
    graph = translate(config)["config"]
    assert graph["layers"][1]["inbound_nodes"] == [[["inside", 0, 0, {}]]]
    assert graph["input_layers"] == ["input", 0, 0]
    assert graph["output_layers"] == [["dense", 0, 0], ["inside", 1, 0]]
