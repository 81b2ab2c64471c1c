"""Samples as a table: columns of numbers or of categories, from arrays or from files."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge.drift.reference import Reference
from edge.drift.univariate.samples import is_missing
from edge.errors import MissingError, SourceError

ColumnArrays = dict[str, NDArray[Any]]
"""Column → values: float64, NaN for missing; or object (text), None for missing."""

MISSING_WORDS = frozenset(["", "na", "n/a", "nan", "null", "none"])


def as_table(columns: Mapping[str, ArrayLike]) -> ColumnArrays:
    """Numbers become float64, booleans and anything else categories. A 2-D array (n, k) becomes k columns."""
    table: ColumnArrays = {}
    for name, values in columns.items():
        array = np.asarray(values)
        if array.ndim == 2:
            table |= {f"{name}[{i}]": _column(array[:, i]) for i in range(array.shape[1])}
        elif array.ndim == 1:
            table[str(name)] = _column(array)
        else:
            raise ValueError(f"{name}: expected one or two dimensions, got shape {array.shape}")
    return table


def read_csv(path: Path) -> ColumnArrays:
    """With a header. A column is numeric when each of its cells is a number or a word for missing."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file)
        header = next(reader, None)
        rows = [row for row in reader if row]
    if not header:
        raise SourceError(f"{path}: empty; expected a CSV file whose first line names the columns")
    if len(set(header)) < len(header):
        raise SourceError(f"{path}: two columns of one name in line 1; rename one")
    for number, row in enumerate(rows, 2):
        if len(row) != len(header):
            raise SourceError(f"{path}: line {number} has {len(row)} fields, the header {len(header)}")
    columns = list(zip(*rows, strict=True)) or [()] * len(header)
    return {name: _cells(column) for name, column in zip(header, columns, strict=True)}


def read_npz(path: Path) -> ColumnArrays:
    """Every array is a column, or several; nothing in it is executed."""
    with np.load(path, allow_pickle=False) as data:
        return as_table({name: data[name] for name in data.files})


def read_parquet(path: Path) -> ColumnArrays:
    """Needs pyarrow."""
    try:
        from pyarrow import parquet
    except ImportError:
        raise MissingError(f"{path}: Parquet needs pyarrow; pip install pyarrow, or save it as CSV") from None
    table = parquet.read_table(path)
    return {name: _listed(table.column(name).to_pylist()) for name in table.column_names}


READERS = {".csv": read_csv, ".npz": read_npz, ".parquet": read_parquet}
"""By the end of the file's name."""


def read_table(path: Path) -> ColumnArrays:
    """Raises SourceError for a file that is missing, broken or of another kind, MissingError without pyarrow."""
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise SourceError(f"{path}: expected a file that ends in {', '.join(READERS)}")
    try:
        table = reader(path)
    except (OSError, ValueError, UnicodeError, zipfile.BadZipFile, csv.Error) as error:
        if isinstance(error, SourceError | MissingError):
            raise
        raise SourceError(f"{path}: cannot be read ({error})") from None
    except Exception as error:  # pyarrow has an exception tree of its own
        if type(error).__module__.startswith("pyarrow"):
            raise SourceError(f"{path}: cannot be read ({error})") from None
        raise
    if not table or not max(len(column) for column in table.values()):
        raise SourceError(f"{path}: no rows in it")
    return table


def table_of_reference(reference: Reference) -> ColumnArrays:
    """The stored values of each column, thinned to 1,000 at most, and the predicted classes."""
    table: ColumnArrays = {column.name: np.array(column.values) for column in reference.columns}
    classes = [label for label, count in zip(reference.labels, reference.classes, strict=True) for _ in range(count)]
    return table | {"predicted": np.array(classes, object)}


def _column(array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype.kind in "iuf":
        return array.astype(np.float64)
    return _listed(array.tolist())


def _listed(values: list[Any]) -> NDArray[Any]:
    kept = [value for value in values if value is not None]
    if kept and all(isinstance(value, int | float) and not isinstance(value, bool) for value in kept):
        return np.array([np.nan if value is None else float(value) for value in values])
    return _texts([None if is_missing(value) else str(value) for value in values])


def _cells(cells: Iterable[str]) -> NDArray[Any]:
    words = [None if cell.strip().lower() in MISSING_WORDS else cell.strip() for cell in cells]
    try:
        numbers = [float("nan") if word is None else float(word) for word in words]
    except ValueError:
        return _texts(words)
    return np.array(numbers, np.float64)


def _texts(words: list[str | None]) -> NDArray[Any]:
    # Not np.array(words): of None alone it would make another type.
    column = np.empty(len(words), object)
    column[:] = words
    return column
