"""The samples on disk."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.device.audit.folder import BLOCK, AuditFolder, picture_of, read_samples
from edge.device.audit.sample import STRATA, AuditedPart
from edge.errors import ConfigError
from edge.inference.frames.frame import Image

Make = Callable[..., AuditedPart]
Noise = Callable[..., Image]


def disk_bytes(folder: Path) -> int:
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return sum(-(-size // BLOCK) * BLOCK for size in sizes)


def kept(folder: Path) -> list[int]:
    return [one.seq for one in read_samples(folder)]


def test_a_sample_and_its_picture_come_back_as_they_were(tmp_path: Path, sample: Make, noise: Noise) -> None:
    one = sample(3, "random", "uncertain", scores={"whole": 0.75, "verbrannt ü": 0.25}, rejected=True)
    png = AuditFolder(tmp_path, 1 << 20).keep(one, noise())
    assert read_samples(tmp_path) == [one]
    path = picture_of(tmp_path, one)
    assert path is not None
    assert path.parent.name == "random"
    assert path.read_bytes() == png
    np.testing.assert_array_equal(cv2.imread(str(path)), noise())


@settings(max_examples=25)
@given(
    st.lists(st.tuples(st.sampled_from(STRATA), st.integers(1, 90), st.booleans()), max_size=40),
    st.integers(1, 12),
)
def test_the_cap_holds_for_any_sequence(
    sample: Make, noise: Noise, arrivals: list[tuple[str, int, bool]], blocks: int
) -> None:
    cap = blocks * 2 * BLOCK
    with TemporaryDirectory() as name:
        folder = AuditFolder(Path(name), cap)
        for seq, (why, size, restarts) in enumerate(arrivals):
            if restarts:
                folder = AuditFolder(Path(name), cap)
            written = folder.keep(sample(seq, why), noise(size)) is not None
            assert disk_bytes(Path(name)) <= cap
            assert (seq in kept(Path(name))) == written


def test_the_oldest_that_are_not_random_make_room_first(tmp_path: Path, sample: Make, noise: Noise) -> None:
    folder = AuditFolder(tmp_path, 4 * 2 * BLOCK)
    for seq, why in enumerate(("random", "uncertain", "outlying", "requested")):
        assert folder.keep(sample(seq, why), noise()) is not None
    folder.keep(sample(4, "random"), noise())
    assert kept(tmp_path) == [0, 2, 3, 4]
    for seq in range(5, 8):
        folder.keep(sample(seq, "random"), noise())
    assert kept(tmp_path) == [4, 5, 6, 7]


def test_random_samples_make_no_room_for_others(tmp_path: Path, sample: Make, noise: Noise) -> None:
    folder = AuditFolder(tmp_path, 2 * 2 * BLOCK)
    for seq in range(2):
        folder.keep(sample(seq, "random"), noise())
    assert folder.keep(sample(2, "uncertain"), noise()) is None
    assert kept(tmp_path) == [0, 1]
    assert folder.lost == 1


def test_a_restart_goes_on_with_the_oldest_and_tidies_what_a_power_cut_left(
    tmp_path: Path, sample: Make, noise: Noise
) -> None:
    first = AuditFolder(tmp_path, 3 * 2 * BLOCK)
    for seq in range(3):
        first.keep(sample(seq, "random"), noise())
        os.utime(tmp_path / "random" / f"000001-abc-{seq}.json", ns=(seq, seq))
    for name in ("000001-abc-7.png", ".000001-abc-8.png.partial"):
        (tmp_path / "random" / name).write_bytes(b"half")
    (tmp_path / "random" / "000001-abc-9.json").write_bytes(b"")
    (tmp_path / "random" / "notes.txt").write_text("a person's")
    AuditFolder(tmp_path, 3 * 2 * BLOCK).keep(sample(3, "random"), noise())
    assert kept(tmp_path) == [1, 2, 3]
    names = {path.name for path in (tmp_path / "random").iterdir()}
    assert names == {f"000001-abc-{seq}.{kind}" for seq in (1, 2, 3) for kind in ("json", "png")} | {"notes.txt"}


def test_damaged_and_foreign_notes_are_passed_over(tmp_path: Path, sample: Make) -> None:
    AuditFolder(tmp_path, 1 << 20).keep(sample(1), None)
    good = (tmp_path / "random" / "000001-abc-1.json").read_bytes()
    for name, data in (("torn", good[:40]), ("list", b"[]"), ("renamed", good), ("none", b'{"why":[]}')):
        (tmp_path / "random" / f"{name}.json").write_bytes(data)
    assert kept(tmp_path) == [1]
    assert picture_of(tmp_path, sample(1)) is None


def test_a_disk_that_refuses_costs_samples_and_is_said_once(
    tmp_path: Path, sample: Make, noise: Noise, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder = AuditFolder(tmp_path, 1 << 20)
    writes = Path.write_bytes

    def full(self: Path, data: bytes) -> int:
        if ".json" in self.name:
            raise OSError(28, "No space left on device")
        return writes(self, data)

    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(Path, "write_bytes", full)
        for seq in range(3):
            assert folder.keep(sample(seq), noise()) is None
    assert folder.lost == 3
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path}: an audit sample was not written (No space left on device)"
    ]
    assert disk_bytes(tmp_path) == 0
    assert folder.keep(sample(3), noise()) is not None


def test_requests_are_taken_one_by_one_and_an_odd_count_is_refused(tmp_path: Path) -> None:
    folder = AuditFolder(tmp_path, 1 << 20)
    folder.request(2, "anna")
    folder.request(1)
    assert [folder.take_request() for _ in range(4)] == ["anna", "anna", "", None]
    for count in (0, -1, 10_001):
        with pytest.raises(ConfigError, match="expected 1 to 10000 samples"):
            folder.request(count)
