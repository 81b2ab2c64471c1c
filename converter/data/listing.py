"""Labelled pictures listed in a CSV file: ``path,label``, one picture a line."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from edge.errors import ConversionError


def read_listing(file: Path) -> list[tuple[Path, str]]:
    """(picture, label) in the order of the lines; paths count from the folder of ``file``.

    UTF-8, quoted as RFC 4180 has it. The header is optional; with one, the columns ``path`` and ``label`` may stand
    anywhere and others are passed over. Raises ConversionError that names the line.
    """
    seen: dict[Path, int] = {}
    found: list[tuple[Path, str]] = []
    for number, name, label in _entries(file):
        path = file.parent / name
        if not path.is_file():
            raise ConversionError(f"{file}, line {number}: no file {path}; paths count from the folder of the list")
        if path in seen:
            raise ConversionError(f"{file}, line {number}: {name} is in line {seen[path]} already; leave one out")
        seen[path] = number
        found.append((path, label))
    if not found:
        raise ConversionError(f"{file}: no pictures in it; expected lines of path,label")
    return found


def _entries(file: Path) -> Iterator[tuple[int, str, str]]:
    """Line number, path, label."""
    rows = _rows(file)
    first = next(rows, None)
    if first is None:
        return
    width, path, label = 2, 0, 1
    names = [cell.lower() for cell in first[1]]
    if "path" in names and "label" in names:
        width, path, label = len(names), names.index("path"), names.index("label")
    else:
        yield _entry(file, *first, width, path, label)
    for number, row in rows:
        yield _entry(file, number, row, width, path, label)


def _entry(file: Path, number: int, row: list[str], width: int, path: int, label: int) -> tuple[int, str, str]:
    if len(row) != width:
        shown = ",".join(row)[:60]
        raise ConversionError(
            f"{file}, line {number}: {len(row)} fields ({shown}), expected {width}: path,label; "
            "a name with a comma in it goes in double quotes"
        )
    for what, cell in (("path", row[path]), ("label", row[label])):
        if not cell:
            raise ConversionError(f"{file}, line {number}: the {what} is empty; expected path,label")
    return number, row[path], row[label]


def _rows(file: Path) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells, blank lines left out."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            for row in reader:
                cells = [cell.strip() for cell in row]
                if any(cells):
                    yield reader.line_num, cells
    except OSError as error:
        raise ConversionError(f"{file}: cannot be read ({error.strerror}); expected lines of path,label") from None
    except UnicodeDecodeError:
        raise ConversionError(f"{file}: is not UTF-8; expected lines of path,label as UTF-8") from None
    except csv.Error as error:
        raise ConversionError(f"{file}, line {reader.line_num}: {error}; expected path,label") from None
