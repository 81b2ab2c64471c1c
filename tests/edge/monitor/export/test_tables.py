"""A store as tables, through the command."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from edge.cli.main import main


def exported(store: Path, what: str, *words: str, capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    assert main(["monitor", "--store", str(store), "--export", what, *words]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_row_a_device(filled: Path, capsys: pytest.CaptureFixture[str]):
    rows = exported(filled, "devices", capsys=capsys)
    assert [row["device"] for row in rows] == sorted(f"oven-{n}" for n in range(1, 11))
    assert {row["device"] for row in rows if row["drifted"]} == {"oven-3"}


def test_a_row_a_tested_column_of_each_window(filled: Path, capsys: pytest.CaptureFixture[str]):
    rows = exported(filled, "windows", "--device", "oven-3", capsys=capsys)
    assert len({row["seq"] for row in rows}) == 12
    drifted = {row["column"] for row in rows if row["drifted"]}
    assert "brightness" in drifted and {row["device"] for row in rows} == {"oven-3"}


def test_csv_and_parquet_hold_the_same(filled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for suffix in ("csv", "parquet"):
        words = ["monitor", "--store", str(filled), "--export", "windows", "--out", str(tmp_path / f"w.{suffix}")]
        assert main(words) == 0
    assert "rows of windows" in capsys.readouterr().out
    with (tmp_path / "w.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    table = pq.read_table(tmp_path / "w.parquet")
    assert table.num_rows == len(lines) > 0
    assert table.column("statistic").to_pylist() == [float(line["statistic"]) for line in lines]
    assert table.column("seq").to_pylist() == [int(line["seq"]) for line in lines]


def test_what_is_older_than_asked_is_left_out(filled: Path, capsys: pytest.CaptureFixture[str]):
    assert exported(filled, "windows", "--since", "1s", capsys=capsys) == []


@pytest.mark.parametrize("what", ["health", "events", "alerts"])
def test_the_other_tables_have_rows(filled: Path, what: str, capsys: pytest.CaptureFixture[str]):
    assert exported(filled, what, capsys=capsys)


@pytest.mark.parametrize(
    ("words", "status", "named"),
    [
        (["--export", "devices"], 3, "--export: expected --store"),
        (["--store", "none.db", "--export", "devices"], 6, "none.db"),
        (["--store", "STORE", "--export", "devices", "--out", "x.txt"], 3, "ends in .csv, .jsonl or .parquet"),
        (["--store", "STORE", "--export", "devices", "--out", "/none/x.csv"], 6, "name a file elsewhere"),
        (["--store", "STORE", "--export", "devices", "--since", "soon"], 3, "--since"),
    ],
)
def test_what_is_wrong_is_named(
    filled: Path, words: list[str], status: int, named: str, capsys: pytest.CaptureFixture[str]
):
    assert main(["monitor", *(str(filled) if word == "STORE" else word for word in words)]) == status
    assert named in capsys.readouterr().err
