"""The line follows its slots: new models are tried while it runs, and it comes back from those that are no good."""

from __future__ import annotations

import shutil
import weakref
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from edge.device.buffer import JudgingModel
from edge.device.buffer.reading import entries
from edge.device.buffer.schema import open_reader
from edge.device.config import Config, load_config
from edge.device.slots import FOLDER, Slots
from edge.device.slots.install import install
from edge.device.slots.trust import trust_of
from edge.errors import ArtifactError, ConfigError
from edge.inference.artifact.describe import Given
from edge.inference.interpreter.remembered import FOLDER as CHECKED
from edge.inference.model import load
from edge.trust.keys import PrivateKey
from tests.edge.device.deployment.lines import judged, running
from tests.support.artifacts import faulty_model

pytestmark = pytest.mark.slow

LABELS = ("red", "green", "blue")
LINE = "sim://line?width=64&height=48"
"""Small pictures: drawing them is most of the work of a simulated line."""
FACTORY = JudgingModel("faulty", 1, LABELS)


@pytest.fixture(scope="module")
def plain_checked(tmp_path_factory: pytest.TempPathFactory, fault_delegate: str) -> Path:
    """A state folder that remembers the model that has no fault: what a start tries first is not tested here."""
    state = tmp_path_factory.mktemp("tried")
    (state / "plain.tflite").write_bytes(faulty_model("plain"))
    load(state / "plain.tflite", delegate=fault_delegate, state=state, given=Given(colour="RGB", range="0..255"))
    return state / CHECKED


@pytest.fixture
def configure(
    tmp_path: Path, faulty: Callable[..., Path], fault_settings: str, signing_key: PrivateKey, plain_checked: Path
) -> Callable[..., Config]:
    """``configure(shadow=0)``: a simulated line with the model that has no fault, which trusts the key."""

    def make(model: str = "plain", uris: tuple[str, ...] = (f"{LINE}&fps=100",), **slots: float) -> Config:
        path = tmp_path / "edge.toml"
        sources = "".join(
            f'[[source]]\nname = "c{number}"\nuri = "{uri}"\ndeadline_ms = 60000\n' for number, uri in enumerate(uris)
        )
        factory = f'[model]\npath = "{faulty(model)}"\n{fault_settings}\n' if model else ""
        # Patient: how fast this machine is, is asked only where a test says so.
        settings = {"shadow": 10, "trial_frames": 60, "max_latency_ratio": 1000.0} | slots
        path.write_text(
            f'[device]\nid = "line-1"\n{sources}{factory}[buffer]\ncommit_s = 0.05\n[slots]\n'
            + "".join(f"{key} = {value}\n" for key, value in settings.items()),
            "utf-8",
        )
        config = load_config(path)
        trust_of(config).add(signing_key.public, "works")
        shutil.copytree(plain_checked, config.device.state / CHECKED, dirs_exist_ok=True)
        return config

    return make


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.device.deployment.controller.LOOK_S", 0.02)
    monkeypatch.setattr(
        "edge.device.deployment.canary.PAUSE_S", 1000.0
    )  # frames that a busy machine drops are not the question


def test_a_good_model_is_committed_and_every_record_is_its_models(
    configure: Callable[..., Config], faulty: Callable[..., Path]
) -> None:
    config = configure()
    with running(config) as line:
        outcome = line.outcome(faulty("plain", version=2))
        assert (outcome.result, outcome.reason) == ("committed", "")
        state = line.slots.state()
        assert (state.active, state.trial) == ("A", "")
        line.wait(lambda: line.trust.ratchet("faulty") == 2)
    assert line.failure is None and line.report is not None
    assert line.report.captured == line.report.decided + sum(line.report.dropped.values())
    assert line.report.buffered == line.report.judged
    assert line.judges() == [FACTORY, JudgingModel("faulty", 2, LABELS)]
    assert [seq for seq, _ in judged(config.device.state)] == list(range(line.report.judged))


def test_a_model_that_is_swapped_away_leaves_the_memory(
    configure: Callable[..., Config], faulty: Callable[..., Path]
) -> None:
    with running(configure()) as line:
        line.wait(lambda: line.judges() == [FACTORY])
        factory = weakref.ref(line.pipelines[0].cascade.models[0])
        assert line.outcome(faulty("plain", version=2)).result == "committed"
        second = weakref.ref(line.pipelines[0].cascade.models[0])
        line.wait(lambda: factory() is None)
        assert line.outcome(faulty("plain", version=3)).result == "committed"
        line.wait(lambda: second() is None)


def test_all_cameras_are_swapped(configure: Callable[..., Config], faulty: Callable[..., Path]) -> None:
    config = configure(uris=(f"{LINE}&fps=60", f"{LINE}&fps=60&seed=3"))
    with running(config) as line:
        assert line.outcome(faulty("plain", version=2)).result == "committed"
    assert line.report is not None
    assert all(one.captured == one.decided + sum(one.dropped.values()) for one in line.report.cameras)
    last = judged(config.device.state)[-20:]
    assert {judge.version for _, judge in last} == {2}


@pytest.mark.parametrize(
    ("name", "said"),
    [("refuses", "the runtime refused"), ("slow", "too slow"), ("ends", "brings its process down")],
)
def test_a_model_that_is_no_good_is_rolled_back(
    configure: Callable[..., Config], faulty: Callable[..., Path], name: str, said: str
) -> None:
    """The rehearsal is long enough for a crash, and too short for what the line then finds out."""
    latency = 10.0 if name == "slow" else 1000.0
    shadow = 80 if name == "ends" else 10
    config = configure(uris=(f"{LINE}&fps=30",), shadow=shadow, trial_frames=300, max_latency_ratio=latency)
    with running(config) as line:
        outcome = line.outcome(faulty(name, version=2))
        assert outcome.result == "rolled back"
        assert said in outcome.reason
        state = line.slots.state()
        assert (state.active, state.slots[0].state) == ("", "bad")
        before = line.slots.stamp()
        line.wait(lambda: line.judges()[-1] == FACTORY)
        assert line.slots.stamp() == before
        assert line.trust.ratchet("faulty") is None


def test_frames_that_a_model_on_trial_refuses_are_judged_by_the_one_before_it(
    configure: Callable[..., Config], faulty: Callable[..., Path]
) -> None:
    with running(configure(trial_frames=300, uris=(f"{LINE}&fps=30",))) as line:
        assert "the runtime refused" in line.outcome(faulty("refuses", version=2)).reason
        line.wait(lambda: line.judges()[-1] == FACTORY)
    assert line.report is not None
    assert "failed" not in line.report.dropped
    assert JudgingModel("faulty", 2, LABELS) in line.judges()
    assert line.report.captured == line.report.decided + sum(line.report.dropped.values())


def test_a_person_may_end_a_trial_and_go_back_to_an_earlier_model(
    configure: Callable[..., Config], faulty: Callable[..., Path]
) -> None:
    config = configure(trial_frames=1_000_000, trial_s=9999)
    with running(config) as line:
        line.install(faulty("plain", version=2))
        line.wait(lambda: JudgingModel("faulty", 2, LABELS) in line.judges())
        line.slots.roll_back("by hand")
        line.wait(lambda: line.judges()[-1] == FACTORY)
    assert line.judges() == [FACTORY, JudgingModel("faulty", 2, LABELS), FACTORY]


def test_the_line_follows_a_slot_that_a_person_activates_or_leaves(
    configure: Callable[..., Config], faulty: Callable[..., Path]
) -> None:
    config = configure()
    with running(config) as line:
        for version in (2, 3):
            assert line.outcome(faulty("plain", version=version)).result == "committed"
        line.slots.activate("A")
        line.wait(lambda: line.judges()[-1].version == 2)
        line.slots.roll_back("by hand")
        line.wait(lambda: line.judges()[-1].version == 3)
    assert [judge.version for judge in line.judges()] == [1, 2, 3, 2, 3]


def test_a_model_whose_labels_the_rules_do_not_know_is_rolled_back(
    configure: Callable[..., Config], faulty: Callable[..., Path], tmp_path: Path
) -> None:
    configure(min_agreement=0.0)
    text = (tmp_path / "edge.toml").read_text() + '[decide]\nreject = ["blue"]\n'
    (tmp_path / "edge.toml").write_text(text)
    with running(load_config(tmp_path / "edge.toml")) as line:
        renamed = line.outcome(faulty("plain", version=2, labels=("rot", "gruen", "blau")))
        assert renamed.reason == "decide.reject: the model has no label 'blue'; it has rot, gruen, blau"


def test_drift_windows_are_closed_with_the_model_that_they_are_about(
    configure: Callable[..., Config], make_signed: Callable[..., bytes], drift_reference: bytes, tmp_path: Path
) -> None:
    config = configure(model="")
    paths = [tmp_path / f"watched-{version}.tflite" for version in (1, 2)]
    for version, path in enumerate(paths, start=1):
        path.write_bytes(make_signed(version=version, files={"reference.bin": drift_reference}))
    (tmp_path / "edge.toml").write_text(
        (tmp_path / "edge.toml").read_text() + f'[model]\npath = "{paths[0]}"\n[drift]\nwindow = 100000\n'
    )
    config = load_config(tmp_path / "edge.toml")
    with running(config) as line:
        line.wait(lambda: len(line.judges()) == 1)
        assert line.outcome(paths[1]).result == "committed"
    with closing(open_reader(config.device.state / "buffer.db")) as db:
        windows = [window.payload for window in entries(db, "drift")]
    assert [b'"model_version":1' in windows[0], b'"model_version":2' in windows[1]] == [True, True]
    assert line.report is not None
    assert line.report.windows == 2


def test_without_any_model_the_way_out_is_said(configure: Callable[..., Config]) -> None:
    with running(configure(model="")) as line:
        pass
    assert isinstance(line.failure, ConfigError)
    assert "model.path: missing, and no slot holds an active model" in str(line.failure)


def test_a_first_model_is_tried_where_there_is_no_other(
    configure: Callable[..., Config], faulty: Callable[..., Path]
) -> None:
    config = configure(model="")
    slots = Slots(config.device.state / FOLDER)
    install(slots, trust_of(config), faulty("plain", version=2))
    with running(config) as line:
        line.wait(lambda: slots.state().active == "A")
    assert line.failure is None
    assert line.judges() == [JudgingModel("faulty", 2, LABELS)]


def test_a_first_model_that_is_no_good_ends_the_line_with_the_reason(
    configure: Callable[..., Config], faulty: Callable[..., Path]
) -> None:
    config = configure(model="", trial_frames=300)
    slots = Slots(config.device.state / FOLDER)
    install(slots, trust_of(config), faulty("refuses", version=2))
    line = running(config)
    with line as run:
        run._thread.join(60)
    assert isinstance(run.failure, ArtifactError)
    assert slots.state().slots[0].state == "bad"


def test_a_trial_in_which_the_daemon_always_ended_is_given_up(
    configure: Callable[..., Config], faulty: Callable[..., Path]
) -> None:
    config = configure()
    slots = Slots(config.device.state / FOLDER)
    install(slots, trust_of(config), faulty("plain", version=2), attempts=2)
    assert slots.attempt() and slots.attempt()
    with running(config) as line:
        line.wait(lambda: not slots.state().trial and line.judges() == [FACTORY])
    outcome = slots.state().outcome
    assert outcome is not None
    assert (outcome.result, outcome.reason.split(":")[0]) == ("rolled back", "crash loop")


def test_an_active_slot_that_does_not_run_any_more_is_left_at_the_start(
    configure: Callable[..., Config], faulty: Callable[..., Path]
) -> None:
    """Signed and whole, but it was activated by hand and has a label too few."""
    config = configure()
    slots, trust = Slots(config.device.state / FOLDER), trust_of(config)
    bad = install(slots, trust, faulty("plain", version=2, labels=("red", "green")))
    slots.commit()
    with running(config) as line:
        line.wait(lambda: line.judges() == [FACTORY])
    outcome = slots.state().outcome
    assert outcome is not None
    assert (outcome.sha256, outcome.result) == (bad.sha256, "rolled back")
    assert outcome.reason.startswith("does not run at the start: ")
