"""``edge audit``, on what a line of this process left."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from edge.cli.audit import _WHY
from edge.cli.main import main
from edge.device.audit import STRATA
from edge.device.audit.answers import read_answers
from edge.device.buffer.reading import entries
from edge.device.config import load_config
from edge.device.line import run_line
from edge.inference.artifact.artifact import REFERENCE
from edge.protocol.messages import AuditSample, decode
from edge.sim import SimulatedLine

pytestmark = pytest.mark.slow

Capture = pytest.CaptureFixture[str]
LINE = "sim://line?count=120&pace=fast"


def test_reasons_are_those_of_the_samples() -> None:
    assert _WHY == STRATA


def test_from_the_line_to_people_and_back_to_figures(
    tmp_path: Path, write_config: Callable[..., Path], capsys: Capture
) -> None:
    """The simulated line knows the truth: red stands for whole here, everything else for a defect."""
    config = write_config(source=LINE, extra="[audit]\nshare = 0.4\nuncertain_below = 0.41\nmax_per_minute = 5")
    report = run_line(load_config(config))
    truth = SimulatedLine.from_uri(LINE)

    assert main(["audit", "list", "-c", str(config), "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    random = sum(row["samples"] for row in listed["counts"] if row["why"] == "random")
    assert 25 <= random <= 71
    assert listed["samples"] - random <= 5
    assert {row["labelled"] for row in listed["counts"]} == {0}

    out = tmp_path / "out"
    assert main(["audit", "export", str(out), "-c", str(config), "--why", "random", "--json"]) == 0
    images = json.loads(capsys.readouterr().out)["images"]
    assert sum(images.values()) == random
    index = out / "index.csv"
    with index.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["label"] = "red" if truth.truth(int(row["part"])) == "whole" else "green"
    with index.open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)

    assert main(["audit", "label", str(index), "-c", str(config)]) == 0
    assert capsys.readouterr().out == f"{random} new labels, 0 changed, 0 as before, 0 left blank\n"

    assert main(["audit", "report", "--state", str(tmp_path / "state"), "--json"]) == 0
    (model,) = json.loads(capsys.readouterr().out)["models"]
    right = sum(row["label"] == row["predicted"] for row in rows)
    accuracy = model["performance"]["accuracy"]
    assert (model["model"], model["version"], accuracy["hits"], accuracy["n"]) == ("colour", 1, right, random)
    assert accuracy["interval"][0] <= right / random <= accuracy["interval"][1]
    assert report.judged == 120
    assert main(["audit", "list", "-c", str(config)]) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == ["why", "predicted", "samples", "labelled"]
    assert main(["audit", "report", "-c", str(config)]) == 0
    assert "an unbiased sample of the line" in capsys.readouterr().out


def test_outlying_parts_are_kept_and_told_to_the_broker(
    tmp_path: Path,
    write_config: Callable[..., Path],
    make_artifact: Callable[..., bytes],
    drift_reference: bytes,
    capsys: Capture,
) -> None:
    (tmp_path / "colour.tflite").write_bytes(make_artifact(files={REFERENCE: drift_reference}))
    config = write_config(
        source="sim://line?count=90&pace=fast&at=60:light=0.3;cast=1,0.5,1.6",
        broker=f"file://{tmp_path}/sent.jsonl",
        extra="[audit]\noutliers = true\nmax_per_minute = 20",
    )
    run_line(load_config(config))
    assert main(["audit", "list", "-c", str(config), "--json"]) == 0
    counts = json.loads(capsys.readouterr().out)["counts"]
    assert {row["why"] for row in counts} == {"outlying"}
    assert sum(row["samples"] for row in counts) == 20
    with closing(sqlite3.connect(tmp_path / "state" / "buffer.db")) as db:
        messages = [decode("audit", entry.payload) for entry in entries(db, "audit")]
    assert [message.seq for message in messages] == list(range(20))
    parts = [
        message.part for message in messages if isinstance(message, AuditSample) and message.why == ("outlying",)
    ]
    assert len(parts) == 20
    assert sum(part >= 60 for part in parts) >= 15


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["list"], 6, "no audit samples; set audit.share in the configuration"),
        (["export", "OUT"], 6, "no audit samples"),
        (["label", "none.csv"], 6, "no audit samples"),
        (["report"], 6, "no audit samples"),
    ],
)
def test_where_nothing_was_kept_the_way_out_is_said(
    tmp_path: Path, capsys: Capture, words: list[str], status: int, message: str
) -> None:
    assert main(["audit", *words, "--state", str(tmp_path)]) == status
    said = capsys.readouterr().err
    assert message in said
    assert len(said.splitlines()) == 1


def test_a_table_that_is_not_there_is_named(
    tmp_path: Path, write_config: Callable[..., Path], capsys: Capture
) -> None:
    config = write_config(source=LINE, extra="[audit]\nshare = 0.1")
    run_line(load_config(config))
    assert main(["audit", "label", str(tmp_path / "none.csv"), "-c", str(config)]) == 3
    assert "none.csv: cannot be read" in capsys.readouterr().err
    assert read_answers(tmp_path / "state" / "audit") == {}


def test_errors_that_became_more_frequent_are_status_1(
    tmp_path: Path, write_config: Callable[..., Path], capsys: Capture
) -> None:
    config = write_config(source=LINE, extra="[audit]\nshare = 1.0")
    run_line(load_config(config))
    audit = tmp_path / "state" / "audit"
    facts = json.loads((audit / "models.json").read_text())
    facts["colour/1"] |= {"errors": 2, "n": 100}
    (audit / "models.json").write_text(json.dumps(facts))
    assert main(["audit", "export", str(tmp_path / "out"), "-c", str(config)]) == 0
    table = tmp_path / "said.csv"
    table.write_text("id,label\n" + "".join(f"{id_},blue\n" for id_ in read_answers(audit)))
    assert main(["audit", "label", str(table), "-c", str(config)]) == 0
    assert main(["audit", "report", "-c", str(config), "--run-length", "500"]) == 1
    assert "more frequent since" in capsys.readouterr().out
