"""Files that are old or new, and never in between."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from edge.core.atomic import append_lines, drafted, make_folder, write_all, write_whole


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"


def test_a_file_is_written_in_place_of_the_old_one(path: Path) -> None:
    for data in (b"old", b"", b"new" * 100_000):
        write_whole(path, data)
        assert path.read_bytes() == data
    assert list(path.parent.iterdir()) == [path]


def test_the_rights_are_those_that_were_asked_for_whatever_lay_there(path: Path) -> None:
    path.with_name(".file.partial").write_bytes(b"left by a crash")
    write_whole(path, b"secret", 0o600)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_bytes() == b"secret"


@pytest.mark.parametrize("call", ["write", "fsync", "replace"])
def test_a_disk_that_refuses_leaves_the_old_file_and_nothing_else(
    path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    write_whole(path, b"old")

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(f"edge.core.atomic.os.{call}", refuse)
        with pytest.raises(OSError, match="No space"):
            write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]


def test_whoever_fails_while_writing_leaves_the_old_file(path: Path) -> None:
    write_whole(path, b"old")
    with pytest.raises(KeyboardInterrupt), drafted(path) as file:
        write_all(file, b"half")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]


def test_lines_are_added_after_a_torn_one_and_all_or_none(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_bytes(b"one\ntw")
    with path.open("rb+") as file:
        append_lines(file.fileno(), b"three\nfour\n")
        whole = b"one\ntw\nthree\nfour\n"
        assert path.read_bytes() == whole

        def refuse(_: int) -> None:
            raise OSError(5, "Input/output error")

        monkeypatch.setattr("edge.core.atomic.os.fsync", refuse)
        with pytest.raises(OSError, match="Input/output"):
            append_lines(file.fileno(), b"five\n")
    assert path.read_bytes() == whole


def test_what_root_makes_belongs_to_the_owner_of_the_folder(tmp_path: Path) -> None:
    owner = (1234, 1234) if os.geteuid() == 0 else (os.geteuid(), tmp_path.stat().st_gid)
    os.chown(tmp_path, *owner)
    make_folder(tmp_path / "a" / "b")
    write_whole(tmp_path / "a" / "b" / "file", b"")
    for made in (tmp_path / "a", tmp_path / "a" / "b", tmp_path / "a" / "b" / "file"):
        assert (made.stat().st_uid, made.stat().st_gid) == owner
