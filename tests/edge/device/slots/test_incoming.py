from __future__ import annotations

import fcntl
import hashlib
import io
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.device.slots.incoming import CHUNK, DamagedError, IncomingArtifact, sweep
from edge.errors import ConfigError, StateError

DATA = bytes(range(256)) * 1024


def incoming(folder: Path, data: bytes = DATA) -> IncomingArtifact:
    return IncomingArtifact(folder, hashlib.sha256(data).hexdigest(), len(data))


def told(to: IncomingArtifact, stream: BinaryIO) -> list[int]:
    heard: list[int] = []
    to.take(stream, heard.append)
    return heard


def test_a_whole_artifact_arrives(tmp_path: Path) -> None:
    to = incoming(tmp_path / "slots" / "incoming")
    assert to.have() == 0
    heard = told(to, io.BytesIO(DATA))
    assert heard == list(range(0, len(DATA) + 1, CHUNK))
    assert to.path.read_bytes() == DATA
    assert [path.name for path in to.path.parent.iterdir()] == [to.path.name]


def test_a_broken_transfer_goes_on_where_it_ended(tmp_path: Path) -> None:
    to = incoming(tmp_path)
    with pytest.raises(StateError, match="ended after 100000 of 262144 bytes"):
        told(to, io.BytesIO(DATA[:100_000]))
    assert to.have() == 100_000
    assert not to.path.exists()
    assert told(to, io.BytesIO(DATA[100_000:]))[0] == 100_000
    assert to.path.read_bytes() == DATA


@settings(max_examples=30)
@given(cuts=st.lists(st.integers(1, len(DATA)), max_size=5))
def test_however_often_it_breaks_no_byte_is_taken_twice(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int]
) -> None:
    to, taken = incoming(tmp_path_factory.mktemp("incoming")), 0
    for cut in [*cuts, len(DATA)]:
        have = to.have()
        taken += len(DATA[have : have + cut])
        try:
            to.take(io.BytesIO(DATA[have : have + cut]), lambda _: None)
        except StateError:
            continue
    assert taken == len(DATA)
    assert to.path.read_bytes() == DATA


def test_what_is_whole_already_is_not_asked_for_again(tmp_path: Path) -> None:
    told(incoming(tmp_path), io.BytesIO(DATA))
    assert told(incoming(tmp_path), io.BytesIO(b"")) == [len(DATA)]


@pytest.mark.parametrize("place", [0, 70_000, len(DATA) - 1])
def test_bytes_that_are_not_those_promised_are_thrown_away(tmp_path: Path, place: int) -> None:
    to = incoming(tmp_path)
    wrong = bytearray(DATA)
    wrong[place] ^= 1
    with pytest.raises(DamagedError, match="send it again"):
        told(to, io.BytesIO(bytes(wrong)))
    assert list(tmp_path.iterdir()) == []
    told(to, io.BytesIO(DATA))
    assert to.path.read_bytes() == DATA


def test_what_a_power_cut_made_of_a_part_is_found_out(tmp_path: Path) -> None:
    to = incoming(tmp_path)
    with pytest.raises(StateError):
        told(to, io.BytesIO(DATA[:100_000]))
    part = next(tmp_path.glob("*.part"))
    part.write_bytes(DATA[:50_000] + bytes(50_000))  # the size is on the disk, the content is not
    with pytest.raises(DamagedError):
        told(to, io.BytesIO(DATA[100_000:]))
    assert to.have() == 0


def test_a_receiver_that_does_not_know_that_it_is_dead_does_no_harm(tmp_path: Path) -> None:
    to = incoming(tmp_path)

    class Late(io.BytesIO):
        """Before the first receiver gets its bytes, a second one gets all of them."""

        def read(self, size: int | None = -1) -> bytes:
            if not to.path.exists():
                told(incoming(tmp_path), io.BytesIO(DATA))
            return super().read(size)

    told(to, Late(DATA))
    assert to.path.read_bytes() == DATA


def test_only_what_is_received_now_is_kept(tmp_path: Path) -> None:
    wanted, old, running = (incoming(tmp_path, bytes([n]) * 9) for n in range(3))
    for one in (wanted, old, running):
        with pytest.raises(StateError):
            told(one, io.BytesIO(b""))
    with (tmp_path / f"{running.path.stem}.part").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        sweep(tmp_path, wanted.path.stem)
    assert {path.stem for path in tmp_path.iterdir()} == {wanted.path.stem, running.path.stem}


@pytest.mark.parametrize(
    ("sha256", "size"), [("", 1), ("../../etc/passwd", 1), ("A" * 64, 1), ("a" * 64, 0), ("a" * 64, 1 << 40)]
)
def test_a_name_that_is_no_digest_and_a_size_that_is_none_are_refused(tmp_path: Path, sha256: str, size: int) -> None:
    with pytest.raises(ConfigError):
        IncomingArtifact(tmp_path, sha256, size)
