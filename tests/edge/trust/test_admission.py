"""What may run on a device, and what is refused with which reason."""

from __future__ import annotations

import hashlib
import json
import platform
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from edge.errors import ArtifactError, StateError
from edge.inference.artifact import Artifact
from edge.inference.artifact.artifact import LABELS, MANIFEST, SIGNATURE
from edge.inference.artifact.container import append_files, split
from edge.inference.artifact.manifest import Manifest
from edge.inference.model import load
from edge.trust import Trust, admit
from edge.trust.keys import PrivateKey
from edge.trust.signing import signed

Write = Callable[..., Path]


def test_a_signed_artifact_is_admitted_with_its_facts(trust: Trust, write_signed: Write, signing_key: PrivateKey):
    path = write_signed(version=7)
    admitted = admit(path, trust)
    data = path.read_bytes()
    assert (admitted.model, admitted.version, admitted.key) == ("colour", 7, signing_key.id)
    assert (admitted.sha256, admitted.size) == (hashlib.sha256(data).hexdigest(), len(data))
    assert admitted.artifact.labels == ("red", "green", "blue")


def test_a_signed_artifact_runs_like_any_other(write_signed: Write, picture: Callable[..., object]):
    assert load(write_signed()).predict(picture("green")).label == "green"  # type: ignore[arg-type]


def test_unsigned_is_refused_unless_the_configuration_says_so(trust: Trust, artifact: Path):
    with pytest.raises(ArtifactError, match=rf"^{artifact}: unsigned; sign it with 'edge keys sign'"):
        admit(artifact, trust)
    assert admit(artifact, Trust(trust.folder, require_signature=False)).key == ""


def test_a_foreign_model_is_taken_only_where_nothing_must_be_signed(trust: Trust, colour_model: Path):
    with pytest.raises(ArtifactError, match="unsigned: it has no manifest"):
        admit(colour_model, trust)
    admitted = admit(colour_model, Trust(trust.folder, require_signature=False))
    assert (admitted.model, admitted.version) == ("colour", 0)


def test_an_unknown_key_is_named_beside_the_known_ones(trust: Trust, write_signed: Write, signing_key: PrivateKey):
    stranger = PrivateKey.new()
    path = write_signed(key=stranger)
    with pytest.raises(ArtifactError, match=f"unknown key {stranger.id}; this device trusts {signing_key.id}"):
        admit(path, trust)


def test_a_device_that_trusts_nobody_says_what_to_do(tmp_path: Path, write_signed: Write):
    with pytest.raises(ArtifactError, match="trusts none; add one with 'edge keys trust'"):
        admit(write_signed(), Trust(tmp_path / "empty"))


def test_the_signature_of_another_manifest_is_bad(trust: Trust, make_signed: Callable[..., bytes], tmp_path: Path):
    model, files = split(make_signed(version=2))
    _, others = split(make_signed(version=1))
    path = tmp_path / "mixed.tflite"
    path.write_bytes(append_files(model, {**files, SIGNATURE: others[SIGNATURE]}))
    with pytest.raises(ArtifactError, match="bad signature: not of this manifest"):
        admit(path, trust)


def test_one_key_cannot_speak_in_the_name_of_another(trust: Trust, make_signed: Callable[..., bytes], tmp_path: Path):
    stranger = PrivateKey.new()
    model, files = split(make_signed(key=stranger))
    said = json.loads(files[SIGNATURE]) | {"key": trust.keys()[0].id}
    path = tmp_path / "named.tflite"
    path.write_bytes(append_files(model, {**files, SIGNATURE: _canonical(said)}))
    with pytest.raises(ArtifactError, match="bad signature"):
        admit(path, trust)


@pytest.mark.parametrize("name", [LABELS, "golden.bin"])
def test_a_changed_file_is_named(trust: Trust, make_signed: Callable[..., bytes], tmp_path: Path, name: str):
    model, files = split(make_signed())
    path = tmp_path / "changed.tflite"
    path.write_bytes(append_files(model, {**files, name: files[name] + b"\n"}))
    with pytest.raises(ArtifactError, match=f"{name} does not match the SHA-256"):
        admit(path, trust)


def test_another_model_under_a_signed_manifest_is_refused(
    trust: Trust, make_signed: Callable[..., bytes], tmp_path: Path
):
    model, files = split(make_signed())
    path = tmp_path / "other.tflite"
    path.write_bytes(append_files(model[:-1] + bytes([model[-1] ^ 1]), files))
    with pytest.raises(ArtifactError, match="the model does not match"):
        admit(path, trust)


def test_a_downgrade_needs_a_person(trust: Trust, write_signed: Write, signing_key: PrivateKey):
    trust.committed(signing_key.id, "colour", 5)
    old = write_signed(version=4)
    with pytest.raises(ArtifactError, match="downgrade: version 4 of colour, and 5 was committed here"):
        admit(old, trust)
    assert admit(old, trust, allow_downgrade=True).version == 4
    assert admit(write_signed(version=5), trust).version == 5


@pytest.mark.parametrize("version", [1001, 10**9, (1 << 63) - 1, 1 << 63, -1])
def test_a_version_that_would_shut_out_all_later_ones_is_refused(trust: Trust, write_signed: Write, version: int):
    with pytest.raises(ArtifactError, match=r"fast-forward: .* Expected at most 1000|expected a number from 0"):
        admit(write_signed(version=version), trust, allow_downgrade=True)


def test_the_room_for_versions_grows_with_what_was_committed(
    trust: Trust, write_signed: Write, signing_key: PrivateKey
):
    trust.committed(signing_key.id, "colour", 900)
    assert admit(write_signed(version=1900), trust).version == 1900
    with pytest.raises(ArtifactError, match="fast-forward"):
        admit(write_signed(version=1901), trust)
    assert admit(write_signed(version=99_999), Trust(trust.folder, max_version_jump=10**6)).version == 99_999


def test_a_model_for_other_hardware_is_refused(trust: Trust, write_signed: Write):
    with pytest.raises(ArtifactError, match=f"made for riscv64; this device is {platform.machine()}"):
        admit(write_signed(hardware=("riscv64",)), trust)
    assert admit(write_signed(hardware=("riscv64", platform.machine())), trust)


def test_a_model_for_a_newer_runtime_is_refused(trust: Trust, write_signed: Write, monkeypatch: pytest.MonkeyPatch):
    from edge.inference import interpreter
    from edge.inference.interpreter import Runtime

    old = Runtime("tflite-runtime", "2.14.0", None, None, None)
    monkeypatch.setattr(interpreter, "usable_runtimes", lambda: [old])
    assert admit(write_signed(min_runtime="2.14.0"), trust)
    with pytest.raises(ArtifactError, match=r"needs TFLite runtime 2\.17\.0; this device has 2\.14\.0"):
        admit(write_signed(min_runtime="2.17.0"), trust)


def test_a_damaged_trust_store_admits_nothing(trust: Trust, write_signed: Write):
    path = write_signed()
    trust.path.write_text("{", "utf-8")
    with pytest.raises(StateError, match=r"trust\.json: damaged .*no model is admitted"):
        admit(path, trust)


# -- the file's form ----------------------------------------------------------------------------------------------


def test_bytes_after_the_zip_are_refused(trust: Trust, write_signed: Write):
    path = write_signed()
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(ArtifactError):
        admit(path, trust)


def test_a_second_entry_of_a_name_is_refused(trust: Trust, write_signed: Write):
    path = write_signed()
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr(MANIFEST, archive.read(MANIFEST))
    for check in (lambda: admit(path, trust), lambda: Artifact.load(path)):
        with pytest.raises(ArtifactError, match=r"holds 'manifest\.json' twice"):
            check()


def test_an_entry_that_the_manifest_does_not_name_is_refused(trust: Trust, write_signed: Write):
    path = write_signed()
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("extra.txt", b"")
    with pytest.raises(ArtifactError):
        admit(path, trust)


@pytest.mark.parametrize("change", ["comment", "compressed", "order", "gap"])
def test_the_same_content_in_another_form_is_refused(
    trust: Trust, make_signed: Callable[..., bytes], tmp_path: Path, change: str
):
    model, files = split(make_signed())
    path = tmp_path / f"{change}.tflite"
    path.write_bytes(model + (b"gap" if change == "gap" else b""))
    method = zipfile.ZIP_DEFLATED if change == "compressed" else zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "a", method) as archive:
        for name in sorted(files, reverse=change == "order"):
            archive.writestr(zipfile.ZipInfo(name), files[name], method)
        archive.comment = b"hello" if change == "comment" else b""
    with pytest.raises(ArtifactError, match=r"another form|SHA-256"):
        admit(path, trust)


_BYTES: dict[str, bytes] = {}


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1), flip=st.integers(1, 255))
@example(place=1.0, flip=1)
@example(place=0.0, flip=255)
def test_no_byte_can_be_changed(
    trust: Trust, make_signed: Callable[..., bytes], tmp_path: Path, place: float, flip: int
):
    whole = bytearray(_BYTES.setdefault("signed", make_signed() if not _BYTES else b""))
    whole[round(place * (len(whole) - 1))] ^= flip
    path = tmp_path / "changed.tflite"
    path.write_bytes(whole)
    with pytest.raises(ArtifactError):
        admit(path, trust)


def test_no_byte_of_the_zip_around_the_files_can_be_changed(
    trust: Trust, make_signed: Callable[..., bytes], tmp_path: Path
):
    """Every one but the inner ones of the files themselves, which are all the same to a digest."""
    whole = make_signed()
    model, files = split(whole)
    inner = {n for data in files.values() for n in range(whole.index(data) + 1, whole.index(data) + len(data) - 1)}
    path = tmp_path / "changed.tflite"
    for place in sorted(set(range(len(model), len(whole))) - inner):
        changed = bytearray(whole)
        changed[place] ^= 0x41
        path.write_bytes(changed)
        with pytest.raises(ArtifactError):
            admit(path, trust)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 1, exclude_max=True))
def test_no_beginning_of_a_file_is_admitted(
    trust: Trust, make_signed: Callable[..., bytes], tmp_path: Path, share: float
):
    whole = _BYTES.setdefault("signed", make_signed() if not _BYTES else b"")
    path = tmp_path / "short.tflite"
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ArtifactError):
        admit(path, trust)


# -- signing ------------------------------------------------------------------------------------------------------


def test_the_same_input_and_key_give_the_same_bytes(make_signed: Callable[..., bytes], signing_key: PrivateKey):
    once = make_signed()
    assert make_signed() == once
    assert signed(once, signing_key) == once


def test_signing_again_replaces_the_signature(make_signed: Callable[..., bytes], signing_key: PrivateKey):
    other = PrivateKey.new()
    assert signed(make_signed(key=other), signing_key) == make_signed()


def test_signing_changes_nothing_but_the_signature(make_artifact: Callable[..., bytes], signing_key: PrivateKey):
    before, after = split(make_artifact()), split(signed(make_artifact(), signing_key))
    assert before[0] == after[0]
    assert before[1] == {name: data for name, data in after[1].items() if name != SIGNATURE}


def test_what_was_tampered_with_is_not_signed(make_signed: Callable[..., bytes], signing_key: PrivateKey):
    model, files = split(make_signed())
    with pytest.raises(ArtifactError, match=r"labels\.txt does not match"):
        signed(append_files(model, {**files, LABELS: b"x\ny\nz"}), signing_key)


def test_the_contract_can_be_checked_with_nothing_of_ours(make_signed: Callable[..., bytes], signing_key: PrivateKey):
    import base64

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    _, files = split(make_signed())
    said = json.loads(files[SIGNATURE])
    assert said["key"] == hashlib.sha256(signing_key.public).hexdigest()[:16]
    Ed25519PublicKey.from_public_bytes(signing_key.public).verify(
        base64.b64decode(said["signature"]), b"edge-sdk manifest v1\n" + files[MANIFEST]
    )
    assert Manifest.from_json(files[MANIFEST]).to_json() == files[MANIFEST]


def _canonical(said: dict[str, str]) -> bytes:
    return json.dumps(said, sort_keys=True, separators=(",", ":")).encode()
