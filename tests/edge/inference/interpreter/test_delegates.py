"""A real external delegate in C, on every runtime."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge.errors import ArtifactError, ConfigError, MissingError
from edge.inference.artifact.describe import Given
from edge.inference.interpreter import Delegate, Interpreter, Setup, check_in_child, usable_runtimes
from edge.inference.model import REFUSALS_MOST, load

RUNTIMES = [runtime.name for runtime in usable_runtimes()]
GIVEN = Given(colour="RGB", range="0..255")
pytestmark = pytest.mark.parametrize("runtime", RUNTIMES)


@pytest.fixture
def setup(runtime: str, delegate_library: Path) -> Callable[[str], Setup]:
    """``setup("?take=none")``: the test's delegate with these options on the runtime."""
    return lambda query="": Setup(runtime, delegate=Delegate.parse(f"{delegate_library}{query}"))  # type: ignore[arg-type]


@pytest.mark.parametrize("query", ["", "?move=each"])
def test_the_delegate_does_the_work_also_when_it_moves_the_output(
    colour_model: Path, setup: Callable[[str], Setup], query: str
) -> None:
    interpreter = Interpreter(colour_model.read_bytes(), setup(query))
    for value in (7, 9, 11):
        interpreter.input[...] = value
        assert interpreter.run().tolist() == [[value] * 3]
    assert interpreter.invoke(np.full((1, 8, 8, 3), 5, np.uint8)).tolist() == [[5, 5, 5]]
    assert interpreter.platform.endswith("with libdelegate.so")


def test_a_delegate_that_takes_nothing_is_refused(colour_model: Path, setup: Callable[[str], Setup]) -> None:
    with pytest.raises(ArtifactError, match=r"takes no part of the model, .* compile the model for it"):
        Interpreter(colour_model.read_bytes(), setup("?take=none"))


def test_a_delegate_that_does_not_start_says_why_and_has_got_its_options(
    colour_model: Path, setup: Callable[[str], Setup]
) -> None:
    with pytest.raises(ArtifactError, match=r"does not start: fail=no device, power=max$"):
        check_in_child(colour_model.read_bytes(), setup("?fail=no+device&power=max"))


def test_a_delegate_that_aborts_takes_only_the_child_along(colour_model: Path, setup: Callable[[str], Setup]) -> None:
    with pytest.raises(ArtifactError, match=r"\(SIGABRT\); leave out delegate .*libdelegate.so"):
        check_in_child(colour_model.read_bytes(), setup("?abort=yes"))


def test_a_library_that_is_missing_is_named(colour_model: Path, runtime: str, tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=f"^{colour_model}: delegate {tmp_path}/none.so: cannot be loaded"):
        load(colour_model, runtime=runtime, delegate=f"{tmp_path}/none.so", given=GIVEN)  # type: ignore[arg-type]


def test_a_library_that_is_no_delegate_is_named(
    colour_model: Path, runtime: str, tmp_path: Path, build_library: Callable[[Path], Path]
) -> None:
    (tmp_path / "other.c").write_text("int answer(void) { return 42; }\n")
    library = build_library(tmp_path / "other.c")
    with pytest.raises(MissingError, match=r"libother\.so: is no TFLite delegate"):
        load(colour_model, runtime=runtime, delegate=str(library), given=GIVEN)  # type: ignore[arg-type]


def test_a_model_judges_through_the_delegate(
    colour_model: Path, runtime: str, delegate_library: Path, picture: Callable[..., np.ndarray]
) -> None:
    model = load(colour_model, runtime=runtime, delegate=str(delegate_library), given=GIVEN)  # type: ignore[arg-type]
    assert [model.predict(picture(colour)).index for colour in ("red", "green", "blue")] == [0, 1, 2]
    assert str(delegate_library) in model.running


@pytest.mark.thirdparty
def test_a_model_for_the_edge_tpu_runs_with_a_delegate_that_takes_its_operator(
    shared_data: Path, setup: Callable[[str], Setup]
) -> None:
    path = shared_data / "tflite_ok" / "mobilenet_v1_0.25_128_quant_edgetpu.tflite"
    interpreter = Interpreter(path.read_bytes(), setup("?operators=unknown"))
    interpreter.input[...] = 77
    assert interpreter.run().tobytes()[:256] == bytes([77] * 256)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected the path of a library"),
        ("a.so?x", r"expected PATH\?key=value"),
        ("a.so?x=1&x=2", "an option is given twice"),
    ],
)
def test_a_delegate_that_is_misspelt_says_what_was_expected(runtime: str, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Delegate.parse(text)


def test_options_from_toml_become_text(runtime: str) -> None:
    delegate = Delegate.build("a.so", {"threads": 2, "fast": True, "name": "x"})
    assert str(delegate) == "a.so?threads=2&fast=true&name=x"
    with pytest.raises(ConfigError, match="'list': expected a string, a number or a truth value"):
        Delegate.build("a.so", {"list": [1]})


def test_a_device_that_is_unplugged_for_hours_judges_rightly_once_it_is_back(
    colour_model: Path, runtime: str, delegate_library: Path, tmp_path: Path, picture: Callable[..., np.ndarray]
) -> None:
    lost = tmp_path / "lost"
    delegate = f"{delegate_library}?lost={lost}"
    model = load(colour_model, runtime=runtime, delegate=delegate, given=GIVEN)  # type: ignore[arg-type]
    lost.touch()
    for _ in range(REFUSALS_MOST + 1):
        with pytest.raises(ArtifactError, match=r"cannot be run .* failed to invoke"):
            model.predict(picture("red"))
    lost.unlink()
    assert [model.predict(picture(colour)).index for colour in ("red", "green", "blue")] == [0, 1, 2]
