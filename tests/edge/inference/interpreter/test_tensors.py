"""Reading and writing the interpreter's own memory, on every runtime."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.errors import ArtifactError
from edge.inference.artifact.manifest import InputSpec
from edge.inference.interpreter import Interpreter, Setup, usable_runtimes
from edge.inference.preprocess import Preprocessor
from tests.support.artifacts import DATA

SETUPS = [
    Setup(runtime.name, threads, xnnpack)
    for runtime in usable_runtimes()
    for threads, xnnpack in ((1, True), (2, True), (1, False))
]
pytestmark = pytest.mark.parametrize("setup", SETUPS, ids=str)


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_run_gives_what_invoke_gives(colour_model: Path, setup: Setup, seed: int) -> None:
    interpreter = Interpreter(colour_model.read_bytes(), setup)
    tensor = np.random.default_rng(seed).integers(0, 256, (1, 8, 8, 3), np.uint8)
    expected = interpreter.invoke(tensor)
    interpreter.input[...] = 0
    interpreter.run()
    np.copyto(interpreter.input, tensor)
    assert np.array_equal(interpreter.run(), expected)


def test_input_and_output_stay_the_same_arrays(colour_model: Path, setup: Setup) -> None:
    interpreter = Interpreter(colour_model.read_bytes(), setup)
    source, result = interpreter.input, interpreter.run()
    for _ in range(10):
        assert interpreter.input is source
        assert interpreter.run() is result
    assert interpreter.invoke(source.copy()) is not result


def test_the_arrays_are_the_interpreters_memory_and_keep_it(colour_model: Path, setup: Setup) -> None:
    interpreter = Interpreter(colour_model.read_bytes(), setup)
    native, source = interpreter._native, interpreter.input
    source[...] = 42
    assert (native.get_tensor(native.get_input_details()[0]["index"]) == 42).all()
    del interpreter, native
    gc.collect()
    assert (source == 42).all()


def test_preprocessing_writes_into_the_model(colour_model: Path, setup: Setup) -> None:
    interpreter = Interpreter(colour_model.read_bytes(), setup)
    spec, image = InputSpec(8, 8, 3, "uint8"), np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    tensor = Preprocessor(spec, interpreter.input)(image)
    assert tensor is interpreter.input
    assert np.array_equal(interpreter.run(), interpreter.invoke(Preprocessor(spec)(image)))
    with pytest.raises(ArtifactError, match=r"expected \(1, 9, 8, 3\) uint8"):
        Preprocessor(InputSpec(9, 8, 3, "uint8"), interpreter.input)


def test_a_model_whose_output_has_no_place_before_it_runs_is_copied(setup: Setup) -> None:
    """Behind a variable."""
    interpreter = Interpreter((DATA / "faulty" / "plain.tflite").read_bytes(), setup)
    tensor = np.random.default_rng(0).uniform(0, 255, (1, 8, 8, 3)).astype(np.float32)
    np.copyto(interpreter.input, tensor)
    assert np.allclose(interpreter.run(), interpreter.invoke(tensor), atol=1e-6)


def test_a_wrong_tensor_is_refused(colour_model: Path, setup: Setup) -> None:
    with pytest.raises(ArtifactError, match="cannot be run"):
        Interpreter(colour_model.read_bytes(), setup).invoke(np.zeros((1, 8, 8, 3), np.float32))


@pytest.mark.thirdparty
@pytest.mark.parametrize(
    "name", ["tflite_ok/mobilenet_v1_0.25_128_quant.tflite", "models/mlcommons_tiny/vww_96_float.tflite"]
)
def test_real_models_run_in_place(shared_data: Path, setup: Setup, name: str) -> None:
    interpreter = Interpreter((shared_data / name).read_bytes(), setup)
    info = interpreter.inputs[0]
    for seed in range(3):
        tensor = np.random.default_rng(seed).integers(0, 256, info.shape).astype(info.dtype)
        expected = interpreter.invoke(tensor)
        np.copyto(interpreter.input, tensor)
        assert np.array_equal(interpreter.run(), expected)
