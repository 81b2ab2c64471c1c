"""The whole line in this process: several cameras, several models, parts."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from edge.cli.main import main
from edge.device.buffer import Buffer
from edge.device.buffer.reading import entries
from edge.device.buffer.schema import open_reader
from edge.device.config import load_config
from edge.device.line import Line, run_line
from edge.device.recorder import Recorder
from edge.errors import ConfigError, SourceError, StateError
from edge.inference.artifact.artifact import REFERENCE
from edge.inference.parts import Calibration, calibrate
from edge.protocol.messages import Drift, decode
from edge.protocol.record import Record
from tests.edge.gates.faulty_plc import TcpPlc

pytestmark = pytest.mark.slow

BELT = "sim://line?trigger=free&pace=fast&width=640&height=160&speed=600&defects=0.4"


@pytest.fixture
def write(tmp_path: Path, artifact: Path, remember: Callable[..., Path]) -> Callable[..., Path]:
    """``write(sources, extra)``: a configuration with these [[source]] tables, whose model was tried before."""
    remember(tmp_path / "state", artifact)

    def make(*sources: str, extra: str = "") -> Path:
        path = tmp_path / "edge.toml"
        tables = "".join(f'[[source]]\nname = "camera-{i}"\nuri = "{uri}"\n' for i, uri in enumerate(sources))
        path.write_text(f'[device]\nid = "line-1"\n{tables}[model]\npath = "{artifact}"\n{extra}\n', "utf-8")
        return path

    return make


@pytest.fixture(scope="module")
def belt() -> Calibration:
    """The belt's, parts and all."""
    return calibrate(f"{BELT}&count=60", frames=60)


def kept(folder: Path) -> list[Record]:
    with closing(Buffer(folder / "state" / "buffer.db")) as buffer:
        return [record for _, record in buffer.records()]


def test_several_cameras_are_accounted_for_each_and_together(tmp_path: Path, write: Callable[..., Path]) -> None:
    config = write("sim://line?count=40&pace=fast", "sim://line?count=25&pace=fast&seed=3", extra="")
    report = run_line(load_config(config))
    assert [(camera.name, camera.captured, camera.judged) for camera in report.cameras] == [
        ("camera-0", 40, 40),
        ("camera-1", 25, 25),
    ]
    assert report.captured == report.decided == report.judged == report.buffered == 65
    records = kept(tmp_path)
    assert [record.seq for record in records] == list(range(65))
    for camera, count in ((0, 40), (1, 25)):
        assert [record.part for record in records if record.camera == camera] == list(range(count))


@pytest.mark.parametrize(
    "fails", ["edge.device.line.open_buffer", "edge.device.line.begin", "edge.device.recorder.Recorder.finish"]
)
def test_whatever_fails_at_the_start_or_the_end_the_gate_is_driven_off(
    write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    def fail(*given: object) -> None:
        for one in given:
            if isinstance(one, Recorder):
                one._stopping.set()  # as its own end does first; its thread would outlive the test
        raise StateError("the disk is full")

    plc = TcpPlc()
    plc.coils[3] = True
    monkeypatch.setattr(fails, fail)
    config = write("sim://line?count=3&pace=fast", extra=f'[gate]\nuri = "modbus://{plc.place}?coil=3"')
    with pytest.raises(StateError, match="the disk is full"):
        run_line(load_config(config))
    assert not plc.coils[3]
    assert plc.writes[-1][2] is False
    plc.close()


def test_a_check_of_the_configuration_switches_nothing(write: Callable[..., Path]) -> None:
    plc = TcpPlc()
    config = write("sim://line?count=3", extra=f'[gate]\nuri = "modbus://{plc.place}?coil=3"')
    assert main(["run", "-c", str(config), "--check"]) == 0
    assert plc.writes == []
    plc.close()


def test_drift_is_watched_at_each_camera(
    tmp_path: Path, write: Callable[..., Path], make_artifact: Callable[..., bytes], drift_reference: bytes
) -> None:
    (tmp_path / "colour.tflite").write_bytes(make_artifact(files={REFERENCE: drift_reference}))
    bright, dim = "sim://line?count=120&pace=fast", "sim://line?count=120&pace=fast&light=0.5"
    report = run_line(load_config(write(bright, dim, extra="[drift]\nwindow = 60")))
    assert report.windows == 4
    assert len(report.drifted_windows) == 2
    with closing(open_reader(tmp_path / "state" / "buffer.db")) as db:
        windows = list(entries(db, "drift"))
    assert [window.seq for window in windows] == [0, 1, 2, 3]
    told = [decode("drift", window.payload) for window in windows]
    assert {(message.camera, message.drifted) for message in told if isinstance(message, Drift)} == {
        ("camera-0", False),
        ("camera-1", True),
    }


def test_a_camera_that_fails_ends_the_line_with_everything_kept(
    tmp_path: Path, write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from edge.sim import SimulatedLine

    def dies(self: SimulatedLine) -> None:
        raise RuntimeError("driver bug")

    config = load_config(write("sim://line?pace=fast", "sim://line?pace=fast&seed=3"))
    line = Line(config)
    reads = SimulatedLine.read
    monkeypatch.setattr(SimulatedLine, "read", lambda self: dies(self) if self._next == 30 else reads(self))
    with pytest.raises(SourceError, match="driver bug"):
        line.run()
    records = kept(tmp_path)
    assert [record.seq for record in records] == list(range(len(records)))
    assert len(records) >= 30


def test_a_camera_that_is_not_there_closes_the_others(tmp_path: Path, write: Callable[..., Path]) -> None:
    config = load_config(write("sim://line?count=40&pace=fast", "camera:///dev/video99"))
    with pytest.raises(SourceError, match="video99"):
        run_line(config)
    assert kept(tmp_path) == []


def test_several_models_decide_after_one_another(
    tmp_path: Path, write: Callable[..., Path], make_artifact: Callable[..., bytes], photos: Path
) -> None:
    (tmp_path / "present.tflite").write_bytes(make_artifact(labels=("part", "belt", "hand")))
    then = f'[[cascade]]\npath = "{tmp_path}/second.tflite"\nwhen = ["part"]\n[decide]\nreject = ["burnt", "hand"]'
    (tmp_path / "second.tflite").write_bytes(make_artifact(labels=("burnt", "whole", "broken")))
    text = write(str(photos), extra=then).read_text().replace("colour.tflite", "present.tflite")
    (tmp_path / "edge.toml").write_text(text)
    report = run_line(load_config(tmp_path / "edge.toml"))
    assert report.judged == 30
    labels = ("part", "belt", "hand", "burnt", "whole", "broken")
    assert [(labels[record.label], record.flags) for record in kept(tmp_path)] == [
        ("burnt", 1),
        ("belt", 0),
        ("hand", 1),
    ] * 10


def test_a_label_that_no_model_has_is_named(tmp_path: Path, write: Callable[..., Path], artifact: Path) -> None:
    wrong = write("sim://line?count=3", extra=f'[[cascade]]\npath = "{artifact}"\nwhen = ["blu"]')
    with pytest.raises(ConfigError, match=r"then\.when: colour has no label 'blu'; it has red, green, blue"):
        run_line(load_config(wrong))


@pytest.mark.parametrize("judging", ["once", "vote"])
def test_parts_are_judged_instead_of_frames(
    tmp_path: Path, write: Callable[..., Path], belt: Calibration, judging: str
) -> None:
    belt.save(tmp_path / "belt-camera-0.json")
    extra = f'[parts]\ncalibration = "belt-{{camera}}.json"\njudging = "{judging}"'
    report = run_line(load_config(write(f"{BELT}&count=90", extra=extra)))
    assert report.captured == report.decided == 90
    assert report.judged == report.buffered
    assert 10 <= report.judged <= 24
    records = kept(tmp_path)
    assert len({record.part for record in records}) == len(records) == report.judged
    assert max(record.belt_px for record in records) > 1000


def test_parts_without_a_calibration_file_say_how_to_get_one(tmp_path: Path, write: Callable[..., Path]) -> None:
    config = load_config(write(f"{BELT}&count=9", extra='[parts]\ncalibration = "belt.json"'))
    with pytest.raises(StateError, match=r"belt\.json: cannot be read .*calibrate"):
        run_line(config)


@pytest.mark.parametrize(
    ("sources", "extra", "message"),
    [
        ((), "", "source: missing"),
        (("sim://line",) * 17, "", "source: expected 1 to 16 cameras, got 17"),
        (("a", "b"), '[parts]\ncalibration = "belt.json"', "parts.calibration: one file for 2 cameras"),
    ],
)
def test_cameras_that_do_not_fit_together_are_a_mistake(
    write: Callable[..., Path], sources: tuple[str, ...], extra: str, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(write(*sources, extra=extra))
    assert message in str(caught.value)
