from __future__ import annotations

import importlib
import io
import re
from pathlib import Path

import pytest

from converter import unpromised
from converter.choices import Quantize
from converter.conventions import Convention
from converter.dataset import find
from converter.loading import load
from converter.modes import Workshop
from converter.progress import Progress
from converter.quantize import Graph
from converter.quiet import tensorflow
from converter.runner import installed_runtimes, run
from converter.samples import Samples, read
from edge.artifact.manifest import InputSpec
from edge.errors import ConversionError

CONVERTER = Path(unpromised.__file__).parent
PYPROJECT = CONVERTER.parent / "pyproject.toml"
LACKS = (
    rf"TensorFlow 2\.\S+ has no usable tensorflow\.lite\.python\.\S+ \(.+\); .*tensorflow-cpu=={unpromised.VERSION}"
)

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("tensorflow"), pytest.mark.usefixtures("quick_runners")]


@pytest.fixture(scope="module")
def samples(pictures: Path) -> Samples:
    return read(find(pictures), InputSpec(16, 16, 3, "uint8"), Progress())


@pytest.fixture(scope="module")
def graph(trained: Path) -> Graph:
    return Graph(load(trained), Convention("0..1", "RGB"), "softmax")


def workshop(graph: Graph, samples: Samples, said: io.StringIO) -> Workshop:
    return Workshop(graph, samples.pixels[::2], Progress(said))


@pytest.fixture(params=["CALIBRATOR", "CONVERT"])
def lacking(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with a TensorFlow that has the module elsewhere."""
    monkeypatch.setattr(unpromised, request.param, f"{getattr(unpromised, request.param)}_moved")


def test_this_tensorflow_has_it_all():
    assert unpromised.missing() == ""


@pytest.mark.usefixtures("lacking")
def test_int8_is_made_by_the_public_converter_where_it_is_not_there(graph: Graph, samples: Samples):
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
def test_what_cannot_be_made_without_it_names_the_version_that_can(graph: Graph, samples: Samples):
    with pytest.raises(ConversionError, match=LACKS):
        workshop(graph, samples, io.StringIO()).make("mixed")


@pytest.mark.usefixtures("lacking")
@pytest.mark.parametrize("mode", ["dynamic", "int16x8"])
def test_other_recipes_do_without(graph: Graph, samples: Samples, mode: Quantize):
    said = io.StringIO()
    model = workshop(graph, samples, said).make(mode).model
    found = run(model, samples.pixels, "litert", Progress())
    assert (found.outputs.argmax(axis=1) == samples.classes).mean() >= 0.99
    assert "warning" not in said.getvalue()


def test_a_function_with_other_arguments_is_as_good_as_none(
    graph: Graph, samples: Samples, monkeypatch: pytest.MonkeyPatch
):
    tensorflow()
    monkeypatch.setattr(importlib.import_module(unpromised.CONVERT), "mlir_quantize", lambda model: model)
    with pytest.raises(ConversionError, match=LACKS):
        workshop(graph, samples, io.StringIO()).make("mixed")


def test_it_is_used_nowhere_else():
    private = re.compile(r"tensorflow\.(lite\.)?python|converter\._experimental")
    users = [path.name for path in CONVERTER.rglob("*.py") if private.search(path.read_text("utf-8"))]
    assert users == ["unpromised.py"]


def test_the_version_that_errors_name_is_the_one_that_is_pinned():
    assert f'"tensorflow-cpu=={unpromised.VERSION}' in PYPROJECT.read_text("utf-8")
