from __future__ import annotations

import importlib
import io
import re
from pathlib import Path

import pytest

from converter.choices import Quantize
from converter.data.dataset import find
from converter.data.samples import PixelSamples, read
from converter.loading import tf_private
from converter.loading.loading import load
from converter.measurement.runner import installed_runtimes, run
from converter.preprocessing.conventions import Convention
from converter.progress import Progress
from converter.quantization.modes import Quantizer
from converter.quantization.quantize import Graph
from converter.quiet import tensorflow
from edge.errors import ConversionError
from edge.inference.artifact.manifest import InputSpec

CONVERTER = Path(tf_private.__file__).parents[1]
PYPROJECT = CONVERTER.parent / "pyproject.toml"
LACKS = (
    rf"TensorFlow 2\.\S+ has no usable tensorflow\.lite\.python\.\S+ \(.+\); .*tensorflow-cpu=={tf_private.VERSION}"
)

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("tensorflow"), pytest.mark.usefixtures("quick_runners")]


@pytest.fixture(scope="module")
def samples(pictures: Path) -> PixelSamples:
    return read(find(pictures), InputSpec(16, 16, 3, "uint8"), Progress())


@pytest.fixture(scope="module")
def graph(trained: Path) -> Graph:
    return Graph(load(trained), Convention("0..1", "RGB"), "softmax")


def workshop(graph: Graph, samples: PixelSamples, said: io.StringIO) -> Quantizer:
    return Quantizer(graph, samples.pixels[::2], Progress(said))


@pytest.fixture(params=["CALIBRATOR", "CONVERT"])
def lacking(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with a TensorFlow that has the module elsewhere."""
    monkeypatch.setattr(tf_private, request.param, f"{getattr(tf_private, request.param)}_moved")


def test_this_tensorflow_has_it_all():
    assert tf_private.missing() == ""


@pytest.mark.usefixtures("lacking")
def test_int8_is_made_by_the_public_converter_where_it_is_not_there(graph: Graph, samples: PixelSamples):
    said = io.StringIO()
    made = workshop(graph, samples, said).make("int8")
    assert re.search(LACKS, said.getvalue())
    assert said.getvalue().count("warning: ") == 1
    for runtime in installed_runtimes():
        found = run(made.model, samples.pixels, runtime, Progress())
        assert (found.outputs.argmax(axis=1) == samples.classes).mean() >= 0.99
        assert (found.input.dtype, found.input.scale, found.input.zero_point) == ("uint8", 1.0, 0)
        assert found.output.dtype == "uint8"


@pytest.mark.usefixtures("lacking")
def test_what_cannot_be_made_without_it_names_the_version_that_can(graph: Graph, samples: PixelSamples):
    with pytest.raises(ConversionError, match=LACKS):
        workshop(graph, samples, io.StringIO()).make("mixed")


@pytest.mark.usefixtures("lacking")
@pytest.mark.parametrize("mode", ["dynamic", "int16x8"])
def test_other_recipes_do_without(graph: Graph, samples: PixelSamples, mode: Quantize):
    said = io.StringIO()
    model = workshop(graph, samples, said).make(mode).model
    found = run(model, samples.pixels, "litert", Progress())
    assert (found.outputs.argmax(axis=1) == samples.classes).mean() >= 0.99
    assert "warning" not in said.getvalue()


def test_a_function_with_other_arguments_is_as_good_as_none(
    graph: Graph, samples: PixelSamples, monkeypatch: pytest.MonkeyPatch
):
    tensorflow()
    monkeypatch.setattr(importlib.import_module(tf_private.CONVERT), "mlir_quantize", lambda model: model)
    with pytest.raises(ConversionError, match=LACKS):
        workshop(graph, samples, io.StringIO()).make("mixed")


def test_it_is_used_nowhere_else():
    private = re.compile(r"tensorflow\.(lite\.)?python|converter\._experimental")
    users = [path.name for path in CONVERTER.rglob("*.py") if private.search(path.read_text("utf-8"))]
    assert users == ["tf_private.py"]


def test_the_version_that_errors_name_is_the_one_that_is_pinned():
    assert f'"tensorflow-cpu=={tf_private.VERSION}' in PYPROJECT.read_text("utf-8")
