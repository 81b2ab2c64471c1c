"""``edge status``: pages, JSON and exit statuses."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from edge.cli.main import main
from edge.core.histogram import LatencyHistogram
from edge.device.buffer import Buffer
from edge.device.health.camera_view import CameraView
from edge.device.health.collector import HealthCollector
from edge.device.health.snapshot import Snapshot
from edge.device.pipeline import Accounts, Intake
from edge.device.status.service import StatusService
from edge.protocol.messages import Identity, Slot, SlotsMessage

IDENTITY = Identity("line-1", "", "", "b1", "cookie", 2, ())


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def running(state: Path) -> Iterator[list[Snapshot]]:
    """A service on a state folder; what it tells is the list's last snapshot."""
    with closing(Buffer(state / "buffer.db")) as buffer, closing(StatusService(state)) as service:
        told = [
            HealthCollector(IDENTITY, [CameraView("camera", Accounts(), LatencyHistogram())], Intake(), buffer).latest
        ]
        service.start(lambda: told[-1])
        yield told


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    status = main(["status", *map(str, words)])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_a_healthy_daemon_is_status_0(
    running: list[Snapshot], state: Path, write_config: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    config = write_config(state=str(state))
    for words in (("--state", state), ("-c", config)):
        status, out, err = run(capsys, *words)
        assert (status, err) == (0, "")
        assert out.startswith("device    line-1, running, healthy\n")


def test_a_daemon_with_a_problem_is_status_1_and_says_which(
    running: list[Snapshot], state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    running.append(replace(running[0], problems=("camera: lost",)))
    status, out, _ = run(capsys, "--state", state)
    assert status == 1
    assert "running, but:\n          ! camera: lost\n" in out


def test_json_is_one_object_with_the_problems_of_this_moment(
    running: list[Snapshot], state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, _ = run(capsys, "--state", state, "--json")
    told = json.loads(out)
    assert (status, told["running"], told["problems"], told["health"]["device"]) == (0, True, [], "line-1")
    running.append(replace(running[0], at_s=running[0].at_s - 100))
    status, out, _ = run(capsys, "--state", state, "--json")
    assert status == 1
    assert json.loads(out)["problems"][0].startswith("recorder: has not reported for 1")


def test_a_stopped_daemon_is_status_6_after_what_its_folder_tells(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(Buffer(state / "buffer.db", model="cookie")) as buffer:
        boot_id = buffer.boot_id
    status, out, err = run(capsys, "--state", state)
    assert status == 6
    assert out.startswith(f"device    not running\nboot      {boot_id}, started ")
    assert err == f"edge: {state}: no daemon runs on this state folder; start one with 'edge run'\n"
    status, out, _ = run(capsys, "--state", state, "--json")
    told = json.loads(out)
    assert (status, told["running"], told["state"]["boot_id"]) == (6, False, boot_id)


@pytest.mark.parametrize("made", [False, True])
def test_a_folder_where_no_daemon_has_run_is_status_6_and_stays_as_it_is(
    state: Path, made: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    if made:
        state.mkdir()
    status, out, _ = run(capsys, "--state", state)
    assert status == 6
    assert "no daemon has run on this state folder" in out
    assert list(state.parent.rglob("*")) == [state] * made
    assert json.loads(run(capsys, "--state", state, "--json")[1]) == {
        "running": False,
        "state": None,
        "slots": None,
    }


def test_a_stopped_device_tells_what_lies_in_its_slots(
    state: Path, artifact: Path, write_config: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    config = write_config(state=str(state), extra="[slots]\nrequire_signature = false\n")
    assert main(["slots", "install", str(artifact), "-c", str(config)]) == 0
    capsys.readouterr()
    assert "slots     A colour v1 ON TRIAL, B empty\n" in run(capsys, "--state", state)[1]
    assert main(["slots", "rollback", "-c", str(config), "--reason", "too dark"]) == 0
    capsys.readouterr()
    out = run(capsys, "-c", config)[1]
    assert "slots     A colour v1 bad, B empty\n" in out
    assert "colour v1 rolled back: too dark\n" in out
    told = json.loads(run(capsys, "-c", config, "--json")[1])
    assert (told["slots"]["outcome"]["reason"], told["slots"]["trial"]) == ("too dark", "")


def test_a_running_daemon_tells_of_its_slots(
    running: list[Snapshot], state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    slots = (Slot("A", "cookie", 3, "a" * 64, "active"), Slot("B", "cookie", 4, "b" * 64, "trial"))
    told = SlotsMessage(**IDENTITY.head(0), active="A", trial="B", slots=slots)
    running.append(replace(running[0], slots=told))
    assert "slots     A cookie v3 ACTIVE, B cookie v4 ON TRIAL\n" in run(capsys, "--state", state)[1]


def test_a_state_folder_that_is_a_file_is_no_daemon(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    status, _, err = run(capsys, "--state", tmp_path / "file")
    assert status == 6
    assert err.count("\n") == 1


def test_a_missing_configuration_is_status_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = run(capsys, "-c", tmp_path / "none.toml")
    assert status == 3
    assert "no such file" in err


@pytest.mark.parametrize("words", [(), ("-c", "edge.toml", "--state", "state")])
def test_exactly_one_of_configuration_and_folder_is_needed(words: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["status", *words])
    assert caught.value.code == 2


def test_watching_looks_again_outlives_the_daemon_and_ends_with_ctrl_c(
    running: list[Snapshot], state: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = iter((None, (state / "status.sock").unlink, KeyboardInterrupt))

    def pause(_: float) -> Any:
        then = next(looks)
        if then is KeyboardInterrupt:
            raise KeyboardInterrupt
        return then() if then else None

    monkeypatch.setattr("edge.cli.status.time", SimpleNamespace(sleep=pause, monotonic=time.monotonic))
    status, out, err = run(capsys, "--state", state, "--watch")
    assert status == 130
    assert out.count("running, healthy") == 2
    assert out.count("not running") == err.count("no daemon runs") == 1
