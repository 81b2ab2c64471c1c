"""``edge slots``: what a person types on the device."""

from __future__ import annotations

import hashlib
import io
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from edge.cli.main import main
from edge.device.slots import FOLDER, Slots
from edge.device.slots.install import Installed
from edge.device.slots.waiting import wait_for_end
from edge.device.status.service import StatusService
from edge.errors import StateError


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def slots(state: Path) -> Slots:
    return Slots(state / FOLDER)


@pytest.fixture
def config(write_config: Callable[..., Path], state: Path) -> Path:
    return write_config(state=str(state), extra="[slots]\nrequire_signature = false\nattempts = 2\n")


@pytest.fixture
def edge(config: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """``edge("list", "--json")``: exit status, standard output, standard error."""

    def edge(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        status = main(["slots", *map(str, words), "-c", str(config)])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return edge


Edge = Callable[..., tuple[int, str, str]]


@pytest.fixture
def daemon(state: Path) -> Iterator[None]:
    """What tells others that a daemon runs."""
    state.mkdir()
    with closing(StatusService(state)):
        yield


def when_on_trial(slots: Slots, act: Callable[[], Any]) -> threading.Thread:
    """In the place of a daemon, in a thread: ``act``, once something is on trial."""

    def watch() -> None:
        while not slots.state().trial:
            pass
        act()

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def test_before_anything_is_installed_the_factory_model_runs(edge: Edge, state: Path) -> None:
    status, out, err = edge("list")
    assert (status, err) == (0, "")
    assert out.splitlines()[1:] == [
        "A     empty",
        "B     empty",
        "active: the factory model, model.path of the configuration",
    ]
    assert [path.name for path in state.iterdir()] == ["checked"]


def test_without_a_daemon_the_trial_waits_for_its_start(edge: Edge, artifact: Path, slots: Slots) -> None:
    status, out, _ = edge("install", artifact, "--wait")
    assert status == 0
    assert out == "slot A: colour v1 is installed; no daemon runs here, its trial begins at the next start\n"
    assert (slots.state().trial, slots.state().attempts) == ("A", 2)
    assert "on trial: slot A, 2 more loads allowed\n" in edge("list")[1]


@pytest.mark.usefixtures("daemon")
def test_waiting_for_a_commit(edge: Edge, artifact: Path, slots: Slots) -> None:
    thread = when_on_trial(slots, lambda: (slots.attempt(), slots.commit()))
    status, out, _ = edge("install", artifact, "--wait", "--request", "r7")
    thread.join()
    assert (status, out) == (0, "slot A: colour v1 was committed\n")
    outcome = slots.state().outcome
    assert outcome is not None
    assert outcome.request == "r7"
    assert "active: slot A, colour v1\n" in edge("list")[1]


@pytest.mark.usefixtures("daemon")
@pytest.mark.parametrize("as_json", [False, True])
def test_a_trial_that_is_rolled_back_is_status_4_with_the_reason(
    edge: Edge, artifact: Path, slots: Slots, as_json: bool
) -> None:
    thread = when_on_trial(slots, lambda: slots.roll_back("p99 of 80 ms"))
    status, out, err = edge("install", artifact, "--wait", *["--json"] * as_json)
    thread.join()
    assert status == 4
    assert err.endswith("edge: slot A: colour v1 rolled back: p99 of 80 ms\n")
    if as_json:
        told = json.loads(out)
        assert (told["result"], told["reason"], told["slot"]) == ("rolled back", "p99 of 80 ms", "A")


@pytest.mark.usefixtures("daemon")
def test_waiting_ends_by_itself_and_the_trial_goes_on(edge: Edge, artifact: Path, slots: Slots) -> None:
    status, _, err = edge("install", artifact, "--wait", "--within", "0.01")
    assert status == 6
    assert "still on trial after 0.01 s" in err
    assert slots.state().trial == "A"


@pytest.mark.usefixtures("daemon")
def test_without_waiting_the_daemon_is_left_to_it(edge: Edge, artifact: Path) -> None:
    assert json.loads(edge("install", artifact, "--json")[1])["result"] == "trial"


def test_what_is_active_or_on_trial_already_is_not_installed_again(edge: Edge, artifact: Path, slots: Slots) -> None:
    edge("install", artifact)
    assert json.loads(edge("install", artifact, "--json")[1])["result"] == "installed"
    slots.commit()
    before = slots.stamp()
    assert edge("install", artifact, "--wait")[:2] == (0, "slot A: colour v1 is active already\n")
    assert slots.stamp() == before


def test_an_artifact_comes_from_standard_input_too(
    edge: Edge, artifact: Path, slots: Slots, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(artifact.read_bytes())))
    assert edge("install", "-")[0] == 0
    assert slots.state().files["A"].read_bytes() == artifact.read_bytes()
    assert list(slots.incoming.iterdir()) == []


def test_half_an_artifact_from_standard_input_is_refused_and_leaves_nothing(
    edge: Edge, artifact: Path, slots: Slots, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(artifact.read_bytes()[:-100])))
    status, out, err = edge("install", "-", "--json")
    assert (status, err.count("\n")) == (4, 1)
    assert json.loads(out)["result"] == "refused"
    assert list(slots.incoming.iterdir()) == []
    assert slots.state().held == {}


def test_a_stream_that_is_no_artifact_by_its_length_is_not_taken_in(
    edge: Edge, slots: Slots, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.device.slots.receive.MAX_BYTES", 100)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(bytes(101))))
    status, _, err = edge("install", "-")
    assert status == 4
    assert "more than 100 bytes" in err
    assert list(slots.incoming.iterdir()) == []


def test_a_refused_artifact_is_remembered_with_the_reason(
    edge: Edge, make_artifact: Callable[..., bytes], tmp_path: Path, slots: Slots
) -> None:
    broken = tmp_path / "broken.tflite"
    data = bytearray(make_artifact())
    data[len(data) // 2] ^= 1
    broken.write_bytes(data)
    status, _, err = edge("install", broken)
    assert status == 4
    outcome = slots.state().outcome
    assert outcome is not None
    assert (outcome.result, outcome.reason) == ("refused", err.removeprefix(f"edge: {broken}: ").rstrip())
    assert f"refused: {outcome.reason}" in edge("list")[1]


def test_a_foreign_model_is_refused_with_the_way_out(edge: Edge, colour_model: Path, slots: Slots) -> None:
    status, _, err = edge("install", colour_model)
    assert status == 4
    assert (
        err == f"edge: {colour_model}: a foreign model, without id and version; wrap it with 'edge convert' first\n"
    )
    assert slots.state().held == {}


def test_a_file_that_is_not_there_is_no_event(edge: Edge, tmp_path: Path, slots: Slots) -> None:
    assert edge("install", tmp_path / "nothing.tflite")[0] == 4
    assert slots.history() == []


def test_back_and_forth(edge: Edge, make_artifact: Callable[..., bytes], tmp_path: Path, slots: Slots) -> None:
    for number, labels in enumerate((("a", "b", "c"), ("d", "e", "f"))):
        path = tmp_path / f"{number}.tflite"
        path.write_bytes(make_artifact(labels=labels))
        assert edge("install", path)[0] == 0
        slots.commit()
    assert edge("activate", "A") == (0, "active: slot A, colour v1\n", "")
    assert edge("activate", "B") == (0, "active: slot B, colour v1\n", "")
    assert edge("rollback", "--reason", "rejects good parts") == (0, "active: slot A, colour v1\n", "")
    status, _, err = edge("activate", "B")
    assert status == 6
    assert err == "edge: slot B is bad (rejects good parts); 'edge slots install' tries the same file anew\n"
    assert json.loads(edge("rollback", "--json")[1])["active"] == ""
    assert edge("rollback")[0] == 6
    lines = edge("history")[1].splitlines()
    assert [line[20:31].strip() for line in lines] == [
        *("installed", "trial", "committed") * 2,
        *("activated", "activated", "rolled back", "rolled back"),
    ]
    assert lines[-2].endswith("rolled back B colour v1: rejects good parts")
    assert [event["number"] for event in json.loads(edge("history", "--json")[1])["events"]] == list(range(1, 11))


def test_the_list_tells_programs_all_there_is(edge: Edge, artifact: Path, slots: Slots) -> None:
    edge("install", artifact)
    told = json.loads(edge("list", "--json")[1])
    assert {"active", "trial", "attempts", "request", "slots", "outcome", "problems"} == set(told)
    first, second = told["slots"]
    assert (first["name"], first["state"], first["model"], first["size"]) == (
        "A",
        "trial",
        "colour",
        artifact.stat().st_size,
    )
    assert Path(first["file"]).read_bytes() == artifact.read_bytes()
    assert second == {"name": "B", "model": "", "version": 0, "sha256": "", "state": "empty"}


def test_an_unsigned_artifact_is_refused_where_nothing_else_is_said(
    write_config: Callable[..., Path], artifact: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["slots", "install", str(artifact), "-c", str(write_config())]) == 4
    assert "unsigned" in capsys.readouterr().err


@pytest.fixture
def on_trial(slots: Slots, artifact: Path) -> Installed:
    digest, size = hashlib.sha256(artifact.read_bytes()).hexdigest(), artifact.stat().st_size
    admitted = SimpleNamespace(model="m", version=1, sha256=digest, size=size, key="")
    slots.begin_trial(slots.put(artifact, admitted))
    return Installed("A", "m", 1, digest, "trial")


def test_a_daemon_that_the_model_brings_down_is_waited_for_until_it_is_back(
    slots: Slots, on_trial: Installed
) -> None:
    looks = iter((True, False, False, True))

    def running() -> bool:
        there = next(looks, None)
        if there is None:
            slots.roll_back("crash loop")
        return bool(there)

    said: list[str] = []
    outcome = wait_for_end(slots, on_trial, 60, said.append, running)
    assert outcome is not None
    assert (outcome.result, outcome.reason) == ("rolled back", "crash loop")
    assert said == ["slot A: on trial, 3 more loads allowed"]


def test_a_daemon_that_stays_away_is_not_waited_for_for_ever(slots: Slots, on_trial: Installed) -> None:
    looks = iter((True,))
    assert wait_for_end(slots, on_trial, 60, lambda _: None, lambda: next(looks, False), away_s=0.0) is None
    with pytest.raises(StateError, match="still on trial"):
        wait_for_end(slots, on_trial, 0.0, lambda _: None, lambda: True)
