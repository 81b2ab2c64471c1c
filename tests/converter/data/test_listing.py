from __future__ import annotations

from pathlib import Path

import pytest

from converter.data.dataset import find
from converter.data.listing import read_listing
from edge.errors import ConversionError


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with a.png, b.png and "c, d.png" in it."""
    for name in ("a.png", "b.png", "c, d.png"):
        (tmp_path / name).touch()
    return tmp_path


def listing(folder: Path, text: str) -> Path:
    path = folder / "list.csv"
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize(
    "text",
    [
        "a.png,good\nb.png,bad\n",
        "path,label\na.png,good\nb.png,bad\n",
        "\ufeffPath, Label\r\na.png,good\r\n\r\nb.png,bad\r\n",
        "label,taken,path\ngood,monday,a.png\nbad,friday,b.png\n",
    ],
    ids=["plain", "header", "windows", "more columns"],
)
def test_paths_count_from_the_list_and_the_header_is_optional(photos: Path, text: str):
    assert read_listing(listing(photos, text)) == [(photos / "a.png", "good"), (photos / "b.png", "bad")]


def test_a_list_is_a_data_set_like_a_folder(photos: Path):
    found = find(listing(photos, 'a.png,10\n"c, d.png",9\nb.png,10\n'))
    assert found.labels == ("9", "10")
    assert [path.name for path in found.paths] == ["a.png", "c, d.png", "b.png"]
    assert found.classes.tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.png,good\nnowhere.png,bad\n", r"line 2: no file .*nowhere\.png; paths count from the folder"),
        ("path,label\na.png\n", r"line 2: 1 fields \(a\.png\), expected 2"),
        ("a.png,good\nc, d.png,bad\n", r"line 2: 3 fields .* double quotes"),
        ("a.png,good\n\na.png,bad\n", r"line 3: a\.png is in line 1 already"),
        ("a.png,good\nb.png,\n", r"line 2: the label is empty"),
        ('a.png,good\n"b.png,bad\n', r"line 2: unexpected end of data"),
        ("path,label\n", r"no pictures in it"),
        ("", r"no pictures in it"),
    ],
)
def test_a_wrong_line_is_named(photos: Path, text: str, message: str):
    with pytest.raises(ConversionError, match=message):
        read_listing(listing(photos, text))


def test_one_label_is_not_enough(photos: Path):
    with pytest.raises(ConversionError, match=r"all pictures have the label 'good'; expected two or more"):
        find(listing(photos, "a.png,good\nb.png,good\n"))


def test_a_label_that_is_not_one_of_the_outputs_is_named_with_the_nearest(photos: Path):
    with pytest.raises(ConversionError, match=r"'goood' is not one of the labels; did you mean 'good'"):
        find(listing(photos, "a.png,goood\nb.png,bad\n"), labels=("good", "bad"))


def test_a_label_must_fit_on_a_line_of_the_labels_file(photos: Path):
    with pytest.raises(ConversionError, match=r"label 'go\\nod'; expected printable letters on one line"):
        find(listing(photos, 'a.png,"go\nod"\nb.png,bad\n'))


def test_what_is_not_text_or_not_a_list_is_refused(photos: Path):
    (photos / "list.csv").write_bytes(b"a.png,\xff\xfe\n")
    with pytest.raises(ConversionError, match=r"not UTF-8"):
        find(photos / "list.csv")
    with pytest.raises(ConversionError, match=r"a\.png: cannot be read .*expected a folder .* or a \.csv"):
        find(photos / "a.png")
