"""``edge gate``, run as a person would."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from gpiozero import Device
from gpiozero.pins.mock import MockFactory

from edge.cli.main import main
from edge.device.config import load_config
from edge.gates.controller.boards import BOARDS
from tests.firmware_stubs.building import SOURCES
from tests.firmware_stubs.hosted import HostedController

Run = Callable[..., int]


@pytest.fixture
def controller(tmp_path: Path) -> Iterator[HostedController]:
    hosted = HostedController(tmp_path / "line")
    yield hosted
    hosted.stop()


@pytest.fixture
def edge_gate(tmp_path: Path) -> Run:
    """``edge_gate("status", uri="sim://")``: the exit status."""

    def run(*arguments: str, uri: str = "", settings: str = "distance = 100\npulse = 5\n") -> int:
        config = tmp_path / "edge.toml"
        config.write_text(
            '[device]\nid = "x"\n[source]\nuri = "sim://line"\n[model]\npath = "m.tflite"\n'
            f'[gate]\nuri = "{uri or f"serial://{tmp_path}/line"}"\n{settings}'
        )
        return main(["gate", arguments[0], "-c", str(config), *arguments[1:]])

    return run


def test_status_says_what_the_controller_is_and_counted(
    edge_gate: Run, controller: HostedController, capsys: pytest.CaptureFixture[str]
) -> None:
    controller.do("tick 7")
    assert edge_gate("status", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["firmware"], said["boots"], said["tick"]) == ("1.0.0", 1, 7)
    assert said["flags"] == []  # it was left as it was: without settings
    assert edge_gate("status") == 0
    assert "firmware       1.0.0" in capsys.readouterr().out


def test_doctor_asks_the_controller_and_says_the_way_out(
    write_config: Callable[..., Path], controller: HostedController, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write_config(gate=controller.uri)
    config.write_text(config.read_text("utf-8").replace("[gate]\n", "[gate]\ndistance = 100\n"), "utf-8")

    def said() -> tuple[str, str]:
        main(["doctor", "-c", str(config), "--json"])
        rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return next((row["state"], row["detail"]) for row in rows if row["check"] == "gate")

    assert said() == ("ok", f"{controller.uri} answers: firmware 1.0.0, boot 1, no faults")
    controller.stop()
    state, detail = said()
    assert state == "fail"
    assert "no such device; is the controller plugged in?" in detail


def test_fire_test_opens_the_gate_so_often(edge_gate: Run, controller: HostedController) -> None:
    assert edge_gate("fire-test", "--count", "2") == 0
    printed = controller.stop()
    assert [line for line in printed if line.startswith("gate")] == ["gate open 0", "gate closed 0"] * 2


@pytest.mark.parametrize("uri", ["sim://", "sim://?delay_ms=100"])
def test_fire_test_works_with_other_gates(edge_gate: Run, uri: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert edge_gate("fire-test", uri=uri) == 0
    assert "fired 1 times" in capsys.readouterr().out


def test_fire_test_that_does_not_reach_the_gate_says_why(edge_gate: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert edge_gate("fire-test", uri="modbus://127.0.0.1:9?coil=1") == 9
    assert "modbus://127.0.0.1:9?coil=1: 1 of 1 were not fired (output)" in capsys.readouterr().err


def test_calibrate_gives_the_distance_in_the_form_of_the_configuration(
    edge_gate: Run,
    controller: HostedController,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ways = iter((250, 240, 260))

    class Person(io.StringIO):
        """Runs the belt until the part is at the gate, then presses Enter."""

        def readline(self, size: int | None = -1) -> str:
            controller.do("tick 30", "eye", f"tick {next(ways)}")
            return "\n"

    monkeypatch.setattr("sys.stdin", Person())
    assert edge_gate("calibrate", "--parts", "3", settings="") == 0
    said = capsys.readouterr().out
    assert said == "[gate]\ndistance = 250  # ticks; measured 250, 240, 260\n"
    path = tmp_path / "edge.toml"
    path.write_text(path.read_text().split("[gate]")[0] + said)
    assert load_config(path).gate.distance == 250


@pytest.mark.parametrize(
    ("moves", "message"),
    [
        (["tick 10"], "0 parts passed the photo-eye"),
        (["eye", "tick 20", "eye"], "2 parts passed the photo-eye"),
        (["eye"], "the encoder counted 0 ticks"),
    ],
)
def test_calibrate_refuses_what_cannot_be_right(
    edge_gate: Run,
    controller: HostedController,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    moves: list[str],
    message: str,
) -> None:
    class Person(io.StringIO):
        def readline(self, size: int | None = -1) -> str:
            controller.do("tick 30", *moves)
            return "\n"

    monkeypatch.setattr("sys.stdin", Person())
    assert edge_gate("calibrate") == 9
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "uri", "status", "message"),
    [
        ("status", "sim://", 3, "'sim://' has no line controller"),
        ("calibrate", "none", 3, "'none' has no line controller"),
        ("fire-test", "none", 3, "'none' has nothing to fire"),
        ("status", "serial:///dev/no-such-port", 9, "no such device; is the controller plugged in?"),
    ],
)
def test_mistakes_are_one_line_with_their_exit_status(
    edge_gate: Run, capsys: pytest.CaptureFixture[str], command: str, uri: str, status: int, message: str
) -> None:
    assert edge_gate(command, uri=uri) == status
    assert message in capsys.readouterr().err


def test_a_port_that_nobody_answers_at_is_named(edge_gate: Run, capsys: pytest.CaptureFixture[str]) -> None:
    import os
    import pty

    master, slave = pty.openpty()
    assert edge_gate("status", uri=f"serial://{os.ttyname(slave)}") == 9
    assert "no controller answers; expected the firmware" in capsys.readouterr().err
    os.close(master)
    os.close(slave)


@pytest.mark.parametrize("board", BOARDS)
def test_flash_tells_how_for_each_board_that_there_is(board: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gate", "flash", board]) == 0
    assert f"make -C firmware_stubs {board}" in capsys.readouterr().out
    assert {path.name for path in (SOURCES / "boards").iterdir()} == {*BOARDS, "common"}


def test_off_drives_a_pin_off_and_says_so(
    edge_gate: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    factory = MockFactory()
    monkeypatch.setattr(Device, "pin_factory", factory)
    pin = factory.pin(17)
    pin.function, pin.state = "output", True  # left on by whoever ran before
    assert edge_gate("off", uri="gpio://17?delay_ms=100", settings="") == 0
    assert pin.state == 0
    assert capsys.readouterr().out == "gpio://17?delay_ms=100 is off, driven by edge gate off\n"


def test_off_asks_the_line_controller_whether_its_gate_is_closed(
    edge_gate: Run, controller: HostedController, capsys: pytest.CaptureFixture[str]
) -> None:
    assert edge_gate("off", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"off": True, "by": "edge gate off"}


def test_off_of_a_controller_that_is_not_there_says_that_it_may_be_open(
    edge_gate: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert edge_gate("off", uri=f"serial://{tmp_path}/gone") == 9
    said = capsys.readouterr().err
    assert "MAY BE OPEN" in said and "no such device" in said and "shut off its air" in said


@pytest.mark.parametrize(
    ("uri", "said"),
    [("none", "has nothing to switch off"), ("modbus://127.0.0.1?register=0", "the PLC times the gate")],
)
def test_off_of_what_has_no_output_of_its_own_is_refused(
    edge_gate: Run, capsys: pytest.CaptureFixture[str], uri: str, said: str
) -> None:
    assert edge_gate("off", uri=uri, settings="") == 3
    assert said in capsys.readouterr().err
