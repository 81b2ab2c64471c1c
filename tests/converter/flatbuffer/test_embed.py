from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.flatbuffer.embed import embed
from converter.flatbuffer.metadata import NAME, ModelDescription, model_metadata
from edge.errors import ArtifactError
from edge.inference.artifact.flatbuffer import FlatbufferTable
from edge.inference.artifact.manifest import InputSpec
from edge.inference.artifact.stated import read_stated
from edge.inference.interpreter import Runtime, open_interpreter, usable_runtimes

MODEL = (Path(__file__).parents[2] / "data" / "colour.tflite").read_bytes()
SPEC = InputSpec(8, 6, 3, "uint8", mean=(1.0, 2.0, 3.0), std=(4.0,))
METADATA = model_metadata(ModelDescription("cookie", 7, "Tells cookies apart."), SPEC, "labels.txt")


def entries(model: bytes) -> dict[str, bytes]:
    root = FlatbufferTable.root(model)
    buffers = root.tables(4)
    return {entry.string(0): buffers[entry.number(1, "<I")].bytes(0) for entry in root.tables(6)}


def run(model: bytes, runtime: Runtime) -> np.ndarray:
    interpreter = open_interpreter(model, runtime.name)
    info = interpreter.inputs[0]
    ramp = np.arange(np.prod(info.shape)) % 200
    return interpreter.invoke(ramp.reshape(info.shape).astype(info.dtype)).copy()


@settings(max_examples=50)
@given(st.binary(max_size=100), st.text(max_size=20).filter(lambda name: "\0" not in name))
def test_the_old_bytes_stay_as_they_are_and_aligned(content: bytes, name: str):
    made = embed(MODEL, name, content)
    assert made.endswith(MODEL)
    assert (len(made) - len(MODEL)) % 16 == 0
    assert made[4:8] == b"TFL3"
    assert entries(made) == {**entries(MODEL), name: content}


def test_it_can_be_done_again():
    made = embed(embed(MODEL, "first", b"1"), "second", b"22")
    assert entries(made) == {**entries(MODEL), "first": b"1", "second": b"22"}


@pytest.mark.parametrize("runtime", usable_runtimes(), ids=lambda runtime: runtime.name)
def test_the_model_runs_as_before(runtime: Runtime):
    assert (run(embed(MODEL, NAME, METADATA), runtime) == run(MODEL, runtime)).all()


def test_the_metadata_say_what_the_model_takes():
    stated = read_stated(embed(MODEL, NAME, METADATA))
    assert (stated.name, stated.colour, stated.labels_file) == ("cookie", "RGB", "labels.txt")
    assert (stated.mean, stated.std) == (SPEC.mean, SPEC.std)
    assert stated.min_runtime == read_stated(MODEL).min_runtime


def test_the_metadata_carry_size_version_and_parser_version():
    root = FlatbufferTable.root(METADATA)
    image = root.tables(3)[0].tables(2)[0].table(3)
    assert image is not None
    properties = image.table(1)
    assert properties is not None
    size = properties.table(1)
    assert size is not None
    assert (size.number(0, "<I"), size.number(1, "<I")) == (6, 8)
    assert (root.string(1), root.string(2), root.string(7)) == ("Tells cookies apart.", "7", "1.0.0")


def test_what_is_not_a_model_is_refused():
    with pytest.raises(ArtifactError, match=r"not a TFLite model"):
        embed(b"PK\x03\x04" + bytes(40), NAME, METADATA)


@pytest.mark.thirdparty
def test_models_of_others_run_as_before(shared_data: Path):
    models = [*shared_data.glob("models/*/*.tflite"), shared_data / "tflite_ok/mobilenet_v1_0.25_128_quant.tflite"]
    assert len(models) > 4
    for path in models:
        model = path.read_bytes()
        for runtime in usable_runtimes():
            assert (run(embed(model, NAME, METADATA), runtime) == run(model, runtime)).all(), path
