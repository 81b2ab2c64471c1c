"""Fixtures that every folder of tests may use, among them a tiny real model: 8×8, says which of red, green and
blue prevails.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import settings

from edge.errors import MissingError
from edge.inference.artifact import Artifact
from edge.inference.artifact.artifact import GOLDEN, LABELS, MANIFEST
from edge.inference.artifact.container import append_files, split
from edge.inference.artifact.golden import Golden
from edge.inference.artifact.manifest import InputSpec, Manifest, OutputSpec
from edge.inference.frames.frame import Image
from edge.inference.interpreter import Setup, Wanted, checked, open_interpreter
from edge.inference.interpreter.remembered import FOLDER as CHECKED
from edge.inference.judgement import Judgement
from edge.inference.preprocess import Preprocessor
from edge.inference.tasks.classification import Decision
from edge.trust.keys import PrivateKey
from edge.trust.signing import signed
from tests.support.artifacts import DELEGATE, faulty_model, pack
from tests.support.forkserver import ForkServer
from tests.support.native import compile_library
from tests.support.postgres import Postgres
from tests.support.scheduling import (  # noqa: F401  # pytest finds its hooks here
    pytest_addoption,
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_xdist_auto_num_workers,
    pytest_xdist_make_scheduler,
)

# A property holds or does not; how long an example takes is the machine's affair.
settings.register_profile("no deadline", deadline=None, print_blob=True)
# On the emulated board an example costs ten times as much; tests/system/arm64/board.py asks for fewer.
settings.register_profile("few", settings.get_profile("no deadline"), max_examples=20)
settings.load_profile(os.environ.get("EDGE_HYPOTHESIS", "no deadline"))

THIRD_PARTY = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of third-party images, models and videos beside the project."""
    if not THIRD_PARTY.is_dir():
        reason = "third-party data not found beside the project (../shared/data)"
        if os.environ.get("CI"):
            pytest.fail(f"{reason}; nothing is skipped under CI")
        pytest.skip(reason)
    return THIRD_PARTY


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running PostgreSQL: ``.empty()`` is the address of a new store."""
    try:
        server = Postgres()
    except MissingError as error:
        if os.environ.get("CI"):
            pytest.fail(f"{error}; nothing is skipped under CI")
        pytest.skip(str(error))
    server.start()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def runner_python() -> Iterator[Path]:
    """A Python for the converter's and the core's children, with what they import, but neither runtime."""
    modules = (
        "numpy",
        "cv2",
        "converter.measurement.child",
        "converter.measurement.loadable",
        "edge.inference.model",
        "edge.inference.tuning",
    )
    with ForkServer(["converter.measurement.runner", "edge.inference.interpreter.child"], modules) as server:
        yield server.python


@pytest.fixture(scope="session")
def tensorflow_python(runner_python: Path) -> Iterator[Path]:
    """A Python for ``-m edge.cli.main``, ``-m converter.loading.keras2`` and ``-c``, with TensorFlow imported
    already."""
    with ForkServer(["edge.cli.main", "converter.loading.keras2", "-c"], otherwise=runner_python) as server:
        yield server.python


COLOURS = {"red": (0, 0, 255), "green": (0, 255, 0), "blue": (255, 0, 0)}


@pytest.fixture(scope="session")
def colour_model() -> Path:
    """A foreign model: no manifest, no metadata."""
    return Path(__file__).parent / "data" / "colour.tflite"


@pytest.fixture(scope="session")
def picture() -> Callable[..., Image]:
    """``picture("red", 48, 64)``: a plain picture, BGR."""

    def make(colour: str, height: int = 48, width: int = 64) -> Image:
        return np.full((height, width, 3), COLOURS[colour], np.uint8)

    return make


@pytest.fixture(scope="session")
def make_artifact(colour_model: Path, picture: Callable[..., Image]) -> Callable[..., bytes]:
    """``make_artifact(colour="BGR", …)``: the model with manifest, labels and golden samples, as bytes."""

    def make(
        colour: str = "RGB", labels: tuple[str, ...] = ("red", "green", "blue"), files: dict[str, bytes] | None = None
    ) -> bytes:
        model = colour_model.read_bytes()
        interpreter = open_interpreter(model)
        tensor, result = interpreter.inputs[0], interpreter.outputs[0]
        spec = InputSpec(8, 8, 3, "uint8", tensor.scale, tensor.zero_point, colour="RGB")
        images = tuple(picture(name) for name in ("red", "green", "blue"))
        outputs = np.stack([interpreter.invoke(Preprocessor(spec)(image)).reshape(-1) for image in images])
        content = {
            LABELS: "\n".join(labels).encode(),
            GOLDEN: Golden(images, outputs).to_bytes(),
            **(files or {}),
        }
        manifest = Manifest(
            model="colour",
            version=1,
            created="2026-01-01T00:00:00Z",
            input=InputSpec(8, 8, 3, "uint8", tensor.scale, tensor.zero_point, colour=colour),  # type: ignore[arg-type]
            output=OutputSpec(3, "uint8", result.scale, result.zero_point),
            flatbuffer_sha256=hashlib.sha256(model).hexdigest(),
            files={name: hashlib.sha256(data).hexdigest() for name, data in content.items()},
            golden_platform=interpreter.platform,
            golden_tolerance=8,
        )
        return append_files(model, content | {MANIFEST: manifest.to_json()})

    return make


@pytest.fixture(scope="session")
def signing_key() -> PrivateKey:
    """One for the whole session."""
    return PrivateKey.new()


@pytest.fixture(scope="session")
def make_signed(make_artifact: Callable[..., bytes], signing_key: PrivateKey) -> Callable[..., bytes]:
    """``make_signed(version=3, hardware=("aarch64",), key=other)``: the artifact with a changed manifest, signed."""

    def make(key: PrivateKey = signing_key, files: dict[str, bytes] | None = None, **changes: Any) -> bytes:
        model, content = split(make_artifact(files=files))
        manifest = replace(Manifest.from_json(content[MANIFEST]), **changes)
        return signed(append_files(model, {**content, MANIFEST: manifest.to_json()}), key)

    return make


@pytest.fixture(scope="session")
def remember(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """``remember(state, path, Setup("litert"))``: that state folder, which remembers what the model was tried with.

    It is tried once a session, as always; a test that is not about the trial is spared the child process.
    """
    states: dict[tuple[bytes, Setup], Path] = {}

    def make(state: Path, model: Path, wanted: Setup | None = None) -> Path:
        flatbuffer, setup = Artifact.load(model).model, wanted or Wanted().default
        if (flatbuffer, setup) not in states:
            once = tmp_path_factory.mktemp("remembered")
            with checked(flatbuffer, setup, once):
                states[flatbuffer, setup] = once
        shutil.copytree(states[flatbuffer, setup] / CHECKED, state / CHECKED, dirs_exist_ok=True)
        return state

    return make


@pytest.fixture(scope="session")
def tried(
    remember: Callable[..., Path], colour_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Path]:
    """``tried("litert")``: a state folder that remembers the colour model, alone and in each artifact."""
    folder = tmp_path_factory.mktemp("tried")
    return lambda runtime="auto": remember(folder, colour_model, Setup(runtime))


@pytest.fixture
def faulty(tmp_path: Path, picture: Callable[..., Image], signing_key: PrivateKey) -> Callable[..., Path]:
    """``faulty("stalls", version=2)``: a signed artifact of a model that goes wrong, see :func:`faulty_model`."""
    images = [picture(name) for name in COLOURS]

    def make(name: str, version: int = 1, labels: tuple[str, ...] = tuple(COLOURS), **changes: Any) -> Path:
        path = tmp_path / f"{name}-{version}.tflite"
        data = pack(faulty_model(name), images, model="faulty", labels=labels, version=version, **changes)
        path.write_bytes(signed(data, signing_key))
        return path

    return make


@pytest.fixture
def artifact(tmp_path: Path, make_artifact: Callable[..., bytes]) -> Path:
    """A whole artifact on disk."""
    path = tmp_path / "colour.tflite"
    path.write_bytes(make_artifact())
    return path


@pytest.fixture
def photos(tmp_path: Path, picture: Callable[..., Image]) -> Path:
    """A folder of thirty pictures: red, green and blue in turn, named 00.png to 29.png."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(30):
        cv2.imwrite(str(folder / f"{number:02d}.png"), picture(("red", "green", "blue")[number % 3]))
    return folder


@pytest.fixture
def write_config(tmp_path: Path, artifact: Path, photos: Path, remember: Callable[..., Path]) -> Callable[..., Path]:
    """``write_config(source="sim://line?count=9")``: a configuration of the colour model on the photos, changed.

    Its own state folder remembers the model.
    """
    remember(tmp_path / "state", artifact)

    def write(
        source: object = photos,
        policy: str = "every",
        model: object = artifact,
        state: str = "state",
        reject: list[str] | None = None,
        gate: str = "sim://",
        broker: str = "",
        extra: str = "",
        **model_settings: str | int,
    ) -> Path:
        path = tmp_path / "edge.toml"
        path.write_text(
            f'[device]\nid = "line-1"\nstate = "{state}"\n'
            f'[source]\nuri = "{source}"\npolicy = "{policy}"\n'
            f'[model]\npath = "{model}"\n'
            + "".join(f"{key} = {value!r}\n" for key, value in model_settings.items())
            + f"[decide]\nreject = {reject or []}\n"
            f'[gate]\nuri = "{gate}"\n'
            f'[sync]\nbroker = "{broker}"\npredictions = true\n{extra}\n',
            "utf-8",
        )
        return path

    return write


@pytest.fixture(scope="session")
def drift_reference(colour_model: Path, tried: Callable[..., Path]) -> bytes:
    """A reference of the simulated line through the colour model, packed."""
    from edge.drift import FEATURES, Reference, measure
    from edge.inference.artifact.describe import Given
    from edge.inference.model import load
    from edge.sim import SimulatedLine

    line = SimulatedLine.from_uri("sim://line")
    model = load(colour_model, given=Given(colour="RGB", range="0..255"), state=tried())
    features, scores, predicted = [], [], []
    for part in range(300):
        decision = model.predict(line.image(part))
        features.append(measure(model.preprocess.small))
        scores.append(decision.scores)
        predicted.append(decision.index)
    labels = ("red", "green", "blue")
    return Reference.fit(np.array(features), np.array(scores), predicted, labels, tuple(FEATURES)).to_bytes()


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory, where there is one: what is tested here does not ask how slow this machine's disk is."""
    shared = Path("/dev/shm")
    with TemporaryDirectory(dir=shared if os.access(shared, os.W_OK) else tmp_path) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def judgement() -> Callable[..., Judgement]:
    """``judgement(7, reject=True)``: part 7, its frame taken now."""

    def make(part: int, reject: bool, captured_ns: int | None = None, camera: int = 0) -> Judgement:
        now_ns = time.monotonic_ns() if captured_ns is None else captured_ns
        decision = Decision("x", 0, 1.0, reject, np.ones(1, np.float32), OutputSpec(1, "float32"))
        return Judgement(camera, part, now_ns, time.time_ns(), 0, decision)

    return make


@pytest.fixture(scope="session")
def build_library(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """``build_library(Path("x.c"))``: the shared library made of one C file."""
    return lambda source: compile_library(source, tmp_path_factory.mktemp("library"))


@pytest.fixture(scope="session")
def delegate_library(build_library: Callable[[Path], Path]) -> Path:
    """The tests' own delegate; what it does, and its options, stand in the C file."""
    return build_library(DELEGATE)


@pytest.fixture(scope="session")
def fault_delegate(delegate_library: Path) -> str:
    """The delegate with which a faulty model that ends or stalls does so; ``plain`` judges as without it."""
    return f"{delegate_library}?take=last"


@pytest.fixture(scope="session")
def fault_settings(delegate_library: Path) -> str:
    """The same delegate as lines of ``[model]``."""
    return f'delegate = "{delegate_library}"\ndelegate_options = {{ take = "last" }}'
