"""``edge simulate --devices`` into a file: what it says, and what it says when it is told wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge.cli.main import main
from edge.sim.fleet import Population

SMALL = ["simulate", "--devices", "4", "--interval", "5", "--samples", "40", "--pool", "2", "--speed", "0"]


@pytest.fixture(autouse=True)
def small_population(monkeypatch: pytest.MonkeyPatch):
    """Fewer pictures: drawing them takes most of the time."""
    draw = Population.draw_line
    monkeypatch.setattr(Population, "draw_line", lambda seed: draw(seed, size=60))


def test_a_fleet_writes_into_a_file_and_tells_the_truth(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    script = tmp_path / "script.toml"
    script.write_text('[[change]]\ndevices = "d00002"\nat_s = 6\nshift = { blue = 3 }\n', "utf-8")
    out, truth = tmp_path / "fleet.jsonl", tmp_path / "truth.jsonl"
    words = ["--broker", f"file://{out}", "--duration", "14.9", "--script", str(script), "--truth", str(truth)]
    assert main([*SMALL, *words, "--connections", "1", "--json"]) == 0
    counts = json.loads(capsys.readouterr().out)
    lines = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert counts["sent"] == counts["acknowledged"] == len(lines)
    assert {line["topic"].split("/")[3] for line in lines} == {"status", "slots", "health", "drift", "stats"}
    assert [json.loads(line)["device"] for line in truth.read_text("utf-8").splitlines()] == ["d00002"]
    assert [line["payload"]["state"] for line in lines[-4:]] == ["offline"] * 4


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ([], "a fleet: --devices N --broker mqtt://host"),
        (["--devices", "5"], "a fleet: --devices N --broker mqtt://host"),
        (["--devices", "0", "--broker", "mqtt://h"], "simulate.devices: expected a number from 1"),
        (["--devices", "5", "--broker", "mqtt://h", "--connections", "0"], "--connections from 1 on"),
        (["--devices", "5", "--broker", "mqtt://h", "--hostile", "late"], "expected KIND=SHARE"),
        (["--devices", "5", "--broker", "mqtt://h", "--hostile", "lat=0.1"], "unknown key; did you mean 'late'"),
        (["--devices", "5", "--broker", "http://h"], "expected mqtt://host"),
    ],
)
def test_a_wrong_option_is_named(words: list[str], named: str, capsys: pytest.CaptureFixture[str]):
    assert main(["simulate", *words]) == 3
    assert named in capsys.readouterr().err


def test_a_broker_that_is_not_there_is_status_7(capsys: pytest.CaptureFixture[str]):
    assert main([*SMALL, "--broker", "mqtt://127.0.0.1:9"]) == 7
    assert "mqtt://127.0.0.1:9: Connection refused" in capsys.readouterr().err


def test_a_truth_that_cannot_be_written_is_status_6(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    words = ["--broker", f"file://{tmp_path}/f.jsonl", "--truth", str(tmp_path / "none" / "truth.jsonl")]
    assert main([*SMALL, *words]) == 6
    assert "name another file for --truth" in capsys.readouterr().err
