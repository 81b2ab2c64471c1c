from __future__ import annotations

import os
import resource
import stat
from pathlib import Path

import pytest

from converter.flatbuffer import package
from edge.errors import ConversionError


@pytest.fixture(params=["without a name", "with a temporary name"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some file systems know no files without a name."""
    if request.param == "with a temporary name":
        monkeypatch.delattr(os, "O_TMPFILE")


def test_a_file_is_checked_before_it_has_its_name(tmp_path: Path):
    out = tmp_path / "out.tflite"
    seen: list[bytes] = []

    def check(path: Path) -> None:
        assert not out.exists()
        seen.append(path.read_bytes())

    package.write(out, b"content", check)
    assert seen == [b"content"]
    assert out.read_bytes() == b"content"
    assert [path.name for path in tmp_path.iterdir()] == ["out.tflite"]
    assert stat.S_IMODE(out.stat().st_mode) & stat.S_IRUSR


def test_a_failed_check_leaves_what_was_there(tmp_path: Path):
    out = tmp_path / "out.tflite"
    out.write_bytes(b"old")

    def refuse(path: Path) -> None:
        raise ConversionError(f"{path}: no good")

    with pytest.raises(ConversionError, match=rf"^{out}: no good$"):
        package.write(out, b"new", refuse)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"out.tflite": b"old"}


def test_a_file_that_cannot_be_written_whole_is_one_clear_line_and_leaves_nothing(tmp_path: Path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, limits[1]))
    try:
        with pytest.raises(ConversionError, match=r"out\.tflite: cannot be written \(File too large\)"):
            package.write(tmp_path / "out.tflite", bytes(1 << 20), lambda _: None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []


def test_files_beside_it_are_written_with_it_or_not_at_all(tmp_path: Path):
    out, page = tmp_path / "m.tflite", tmp_path / "m.html"
    page.write_bytes(b"old")

    def refuse(path: Path) -> None:
        raise ConversionError(f"{path}: no good")

    with pytest.raises(ConversionError, match=r"m\.tflite: no good"):
        package.write(out, b"model", refuse, {page: b"new"})
    assert page.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["m.html"]
    package.write(out, b"model", lambda path: None, {page: b"new"})
    assert (out.read_bytes(), page.read_bytes()) == (b"model", b"new")
