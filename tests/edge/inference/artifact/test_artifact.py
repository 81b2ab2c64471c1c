"""The artifact file."""

from __future__ import annotations

import hashlib
import io
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.errors import ArtifactError
from edge.inference.artifact import Artifact
from edge.inference.artifact.container import append_files, split

_MODEL = b"\x1c\0\0\0TFL3" + bytes(range(64))


@given(st.dictionaries(st.text("abc./", min_size=1, max_size=8), st.binary(max_size=200), max_size=5))
def test_split_is_the_inverse_of_append(files: dict[str, bytes]) -> None:
    assert split(append_files(_MODEL, files)) == (_MODEL, files)


def test_the_same_content_gives_the_same_bytes() -> None:
    assert append_files(_MODEL, {"a": b"1", "b": b"2"}) == append_files(_MODEL, {"b": b"2", "a": b"1"})


def test_every_python_writes_these_bytes() -> None:
    """A device compares the whole file with what it would write itself, and may have another Python."""
    files = {"manifest.json": b"{}", "labels.txt": b"a\nb\n", "reference.bin": b"", "größe": bytes(100)}
    digest = "38be35f2ecf8c80198307675db8aa8298025bedebd66106a0fa28887ffa0edd1"
    assert hashlib.sha256(append_files(_MODEL, files)).hexdigest() == digest


def test_unzip_lists_the_associated_files(artifact: Path) -> None:
    with zipfile.ZipFile(artifact) as archive:
        assert {"labels.txt", "manifest.json", "golden.bin"} <= set(archive.namelist())
        assert archive.testzip() is None


def test_what_was_written_is_read(artifact: Path, colour_model: Path) -> None:
    loaded = Artifact.load(artifact)
    assert loaded.model == colour_model.read_bytes()
    assert loaded.labels == ("red", "green", "blue")
    assert loaded.manifest is not None
    assert loaded.manifest.model == "colour"
    assert loaded.golden is not None
    assert len(loaded.golden.images) == 3


def test_a_foreign_model_has_no_manifest(colour_model: Path) -> None:
    loaded = Artifact.load(colour_model)
    assert loaded.manifest is None
    assert loaded.labels == ()
    assert loaded.stated.min_runtime


@pytest.mark.parametrize("place", ["model", "labels.txt", "golden.bin"])
def test_a_changed_byte_is_refused(artifact: Path, place: str) -> None:
    data = bytearray(artifact.read_bytes())
    with zipfile.ZipFile(io.BytesIO(bytes(data))) as archive:
        offset = 200 if place == "model" else archive.getinfo(place).header_offset + 30 + len(place) + 1
    data[offset] ^= 1
    artifact.write_bytes(bytes(data))
    with pytest.raises(ArtifactError, match=r"SHA-256|damaged|CRC"):
        Artifact.load(artifact)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_anywhere_is_one_clear_error_or_harmless(
    make_artifact: Callable[..., bytes], tmp_path: Path, data: st.DataObject
) -> None:
    whole = bytearray(make_artifact_once(make_artifact))
    cut = data.draw(st.integers(0, len(whole)))
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] ^= data.draw(st.integers(1, 255))
    path = tmp_path / "damaged.tflite"
    path.write_bytes(bytes(whole[:cut]))
    try:
        Artifact.load(path)
    except ArtifactError as error:
        assert str(error).startswith(str(path))


_CACHE: list[bytes] = []


def make_artifact_once(make_artifact: Callable[..., bytes]) -> bytes:
    if not _CACHE:
        _CACHE.append(make_artifact())
    return _CACHE[0]


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="no such file; make one with 'edge convert"):
        Artifact.load(tmp_path / "none.tflite")


def test_the_unzip_program_agrees(artifact: Path) -> None:
    done = subprocess.run(["python3", "-m", "zipfile", "-l", artifact], capture_output=True, text=True, check=True)
    assert "manifest.json" in done.stdout


@pytest.mark.thirdparty
def test_the_metadata_of_a_foreign_classifier_is_read(shared_data: Path) -> None:
    loaded = Artifact.load(shared_data / "tflite_ok" / "mobilenet_v1_0.25_128_quant.tflite")
    assert loaded.stated.colour == "RGB"
    assert loaded.stated.mean == (127.5,)
    assert loaded.stated.std == (127.5,)
    assert len(loaded.labels) == 1001
    assert loaded.labels[1] == "tench, Tinca tinca"
