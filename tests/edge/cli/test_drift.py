from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge.cli.main import main
from edge.device.buffer import Buffer
from edge.inference.artifact.artifact import REFERENCE
from edge.protocol.record import Record


def table(path: Path, moved: float, n: int = 300) -> Path:
    rng = np.random.default_rng(int(10 * moved))
    np.savez(path, temp=rng.normal(moved, 1, n), kind=rng.choice(["a", "b"], n))
    return path


def test_drift_ends_with_status_one_and_names_the_column(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, now = table(tmp_path / "a.npz", 0), table(tmp_path / "b.npz", 1)

    assert main(["drift", str(before), str(now), "--html", str(tmp_path / "d.html")]) == 1

    out = capsys.readouterr().out
    assert out.splitlines()[1].startswith("✗  temp")
    assert "drift in 1 of 2 columns, temp first" in out
    assert b"<figure" in (tmp_path / "d.html").read_bytes()


def test_no_drift_ends_with_status_zero(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = table(tmp_path / "a.npz", 0)

    assert main(["drift", str(before), str(before), "--json"]) == 0

    found = json.loads(capsys.readouterr().out)
    assert (found["drifted"], len(found["columns"])) == (False, 2)


def test_pictures_are_compared_by_their_features(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["drift", str(photos), "sim://line?pace=fast&width=64&height=48", "--max-pictures", "40"]) == 1
    assert "brightness" in capsys.readouterr().out


def test_an_artifact_is_a_reference_for_pictures_that_go_through_it(
    tmp_path: Path,
    make_artifact: Callable[..., bytes],
    drift_reference: bytes,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "colour.tflite"
    path.write_bytes(make_artifact(files={REFERENCE: drift_reference}))

    quiet = main(["drift", str(path), "sim://line?pace=fast&seed=5", "--max-pictures", "100", "--json"])
    found = json.loads(capsys.readouterr().out)

    assert quiet == 0
    assert {"brightness", "score:red", "predicted"} <= {column["name"] for column in found["columns"]}
    assert main(["drift", str(path), "sim://line?pace=fast&seed=5&light=0.7", "--max-pictures", "100"]) == 1
    assert capsys.readouterr().out.splitlines()[1].startswith("✗  brightness")


def test_a_devices_buffer_gives_predicted_classes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, share in (("a", 4), ("b", 2)):
        buffer = Buffer(tmp_path / name / "buffer.db")
        for seq in range(400):
            buffer.append(Record(seq, seq, seq, 10, 0.9 if seq % share else 0.6, int(seq % share == 0), 0))
        buffer.close()

    assert main(["drift", str(tmp_path / "a"), str(tmp_path / "b" / "buffer.db")]) == 1
    assert "predicted" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["nothing.csv", "nothing.csv"], 5, "nothing.csv: not found"),
        (["model.tflite", "nothing.csv"], 4, "model.tflite"),
        (["{a}", "{a}", "--alpha", "2"], 3, "--alpha"),
        (["{a}", "{a}", "--html", "no/such/folder/d.html"], 6, "cannot be written"),
        (["{empty}", "{a}"], 6, "not a buffer"),
    ],
)
def test_what_cannot_be_compared_is_one_line(
    tmp_path: Path, arguments: list[str], status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.db").write_bytes(b"")
    places = {"a": table(tmp_path / "a.npz", 0), "empty": tmp_path / "x.db"}

    assert main(["drift", *(one.format(**places) for one in arguments)]) == status

    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_an_artifact_without_a_reference_says_how_to_get_one(
    artifact: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["drift", str(artifact), str(photos)]) == 4
    assert "edge convert" in capsys.readouterr().err
