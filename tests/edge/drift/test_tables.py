from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from edge.drift import Reference, read_table
from edge.drift.tables import as_table, table_of_reference
from edge.errors import MissingError, SourceError


def test_a_csv_column_is_numeric_when_every_cell_is_a_number_or_missing(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("temp,kind,code\n1.5,a,1\n,b,x\nNaN,,2\n", "utf-8-sig")

    table = read_table(path)

    assert np.array_equal(table["temp"], [1.5, np.nan, np.nan], equal_nan=True)
    assert table["kind"].tolist() == ["a", "b", None]
    assert table["code"].tolist() == ["1", "x", "2"]


def test_npz_arrays_become_columns(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "a.npz", x=np.ones((3, 2)), good=np.array([True, False, True]), name=np.array(["a", "b", "a"])
    )

    table = read_table(tmp_path / "a.npz")

    assert set(table) == {"x[0]", "x[1]", "good", "name"}
    assert table["good"].tolist() == ["True", "False", "True"]


def test_arrays_of_objects_are_numbers_where_all_of_them_are() -> None:
    table = as_table({"a": np.array([1, None, 2.5], object), "b": np.array([None, None], object), "c": [1, 2]})

    assert np.array_equal(table["a"], [1, np.nan, 2.5], equal_nan=True)
    assert table["b"].tolist() == [None, None]
    assert table["c"].dtype == np.float64
    with pytest.raises(ValueError, match="dimensions"):
        as_table({"a": np.ones((2, 2, 2))})


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.csv", b"", "first line names the columns"),
        ("a.csv", b"a,a\n1,2\n", "two columns of one name"),
        ("a.csv", b"a,b\n1\n", "line 2 has 1 fields"),
        ("a.csv", b"a,b\n", "no rows"),
        ("a.csv", b"a\n\xff\xfe\n", "cannot be read"),
        ("a.npz", b"nonsense", "cannot be read"),
        ("a.npz", b"PK\x03\x04nonsense", "cannot be read"),
        ("a.txt", b"x", "ends in .csv, .npz, .parquet"),
    ],
)
def test_a_file_that_is_no_table_is_named(tmp_path: Path, name: str, data: bytes, said: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(SourceError, match=said) as caught:
        read_table(path)
    assert str(path) in str(caught.value)


def test_objects_in_an_npz_are_not_executed(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", a=np.array([Path("x")], object))
    with pytest.raises(SourceError, match="cannot be read"):
        read_table(tmp_path / "a.npz")


def test_parquet_without_pyarrow_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingError, match="pip install pyarrow"):
        read_table(tmp_path / "a.parquet")


def test_parquet_reads_like_csv(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    parquet.write_table(pyarrow.table({"temp": [1.5, None], "kind": ["a", None]}), path)

    table = read_table(path)

    assert np.array_equal(table["temp"], [1.5, np.nan], equal_nan=True)
    assert table["kind"].tolist() == ["a", None]
    path.write_bytes(b"nonsense")
    with pytest.raises(SourceError, match="cannot be read"):
        read_table(path)


def test_a_reference_is_a_table_of_its_values_and_classes() -> None:
    reference = Reference.fit([[1.0], [2.0]], [[0.2, 0.8]] * 2, [1, 1], ("bad", "good"), ("light",))

    table = table_of_reference(reference)

    assert set(table) == {"light", "score:bad", "score:good", "predicted"}
    assert table["light"].tolist() == [1.0, 2.0]
    assert table["predicted"].tolist() == ["good", "good"]
