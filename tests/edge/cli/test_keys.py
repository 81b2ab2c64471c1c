"""``edge keys``, ``edge inspect`` of signatures: from a new key to a device that takes what it signed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.cli.main import main
from edge.inference.artifact import Artifact
from edge.trust import Trust, admit

Run = Callable[..., str]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """``run("keys", "new", path)``: what the command prints; it must end well."""

    def call(*words: object, status: int = 0) -> str:
        assert main([str(word) for word in words]) == status
        captured = capsys.readouterr()
        return captured.err if status else captured.out

    return call


@pytest.fixture
def key(tmp_path: Path, run: Run) -> str:
    """Of ``works.pem``."""
    made: str = json.loads(run("keys", "new", tmp_path / "works.pem", "--json"))["key"]
    return made


def test_from_a_new_key_to_a_device_that_takes_what_it_signed(
    tmp_path: Path, run: Run, key: str, artifact: Path, write_config: Callable[..., Path]
):
    config = write_config()
    assert run("keys", "list", "-c", config) == "no key is trusted; add one with 'edge keys trust PUBFILE'\n"
    assert run("keys", "trust", tmp_path / "works.pem.pub", "-c", config) == f"{key} (works) is trusted\n"
    assert run("keys", "sign", artifact, "--key", tmp_path / "works.pem") == f"{artifact}: signed by {key}\n"
    trust = Trust(tmp_path / "state" / "trust")
    admitted = admit(artifact, trust)
    trust.committed(admitted.key, admitted.model, admitted.version)
    assert run("keys", "list", "-c", config) == f"{key}  works        colour 1\n"
    listed = json.loads(run("keys", "list", "--state", tmp_path / "state", "--json"))
    assert listed == {"keys": [{"key": key, "name": "works", "versions": {"colour": 1}}]}
    assert "no key is trusted now" in run("keys", "revoke", key, "-c", config)
    assert trust.keys() == ()


def test_show_knows_both_kinds_of_files(tmp_path: Path, run: Run, key: str):
    public = (tmp_path / "works.pem.pub").read_text("utf-8")
    assert run("keys", "show", tmp_path / "works.pem.pub") == f"key {key}, public\n{public}"
    assert run("keys", "show", tmp_path / "works.pem") == f"key {key}, private\n{public}"
    assert "No such file" in run("keys", "show", tmp_path / "none", status=3)


def test_signing_keeps_the_file_s_mode_and_what_a_link_points_to(tmp_path: Path, run: Run, key: str, artifact: Path):
    artifact.chmod(0o640)
    link = tmp_path / "latest.tflite"
    link.symlink_to(artifact)
    run("keys", "sign", link, "--key", tmp_path / "works.pem")
    assert link.is_symlink()
    assert artifact.stat().st_mode & 0o777 == 0o640
    assert "manifest.sig" in Artifact.load(artifact).files
    before = artifact.read_bytes()
    run("keys", "sign", link, "--key", tmp_path / "works.pem")
    assert artifact.read_bytes() == before


def test_a_foreign_model_cannot_be_signed(tmp_path: Path, run: Run, key: str, colour_model: Path):
    copy = tmp_path / "foreign.tflite"
    copy.write_bytes(colour_model.read_bytes())
    said = run("keys", "sign", copy, "--key", tmp_path / "works.pem", status=4)
    assert (
        said
        == f"edge: {copy}: no manifest to sign: a foreign model; wrap it with 'edge convert MODEL.tflite' first\n"
    )
    assert copy.read_bytes() == colour_model.read_bytes()


def test_a_key_with_a_passphrase_signs(tmp_path: Path, run: Run, artifact: Path):
    word = tmp_path / "word"
    word.write_text("open sesame\n", "utf-8")
    run("keys", "new", tmp_path / "locked.pem", "--passphrase-file", word)
    assert "needs a passphrase" in run("keys", "sign", artifact, "--key", tmp_path / "locked.pem", status=3)
    run("keys", "sign", artifact, "--key", tmp_path / "locked.pem", "--passphrase-file", word)
    assert "manifest.sig" in Artifact.load(artifact).files


def test_inspect_says_who_signed_and_whether_it_is_so(
    tmp_path: Path, run: Run, key: str, artifact: Path, write_config: Callable[..., Path]
):
    def signature(*more: object) -> str:
        said: str = json.loads(run("inspect", artifact, "--json", *more))["signature"]
        return said

    config, other = write_config(), tmp_path / "other.pem"
    assert signature() == "none"
    run("keys", "sign", artifact, "--key", tmp_path / "works.pem")
    assert signature() == f"by {key} (not checked, give --key or --config)"
    assert signature("--key", tmp_path / "works.pem.pub") == f"by {key} (valid)"
    assert signature("-c", config) == f"by {key} (not trusted by this device)"
    run("keys", "trust", tmp_path / "works.pem.pub", "-c", config)
    assert signature("-c", config) == f"by {key} (valid)"
    run("keys", "new", other)
    assert signature("--key", f"{other}.pub") == f"by {key} (not by this key)"


def test_inspect_tells_a_bad_signature(tmp_path: Path, run: Run, key: str, make_signed: Callable[..., bytes]):
    from edge.inference.artifact.artifact import SIGNATURE
    from edge.inference.artifact.container import append_files, split
    from edge.trust.signature import Signature

    path = tmp_path / "bad.tflite"
    model, files = split(make_signed())
    for signature, said in (
        (Signature.of(key, bytes(64)).to_json(), f"by {key} (BAD: not of this manifest)"),
        (b"{}", "BAD: manifest.sig is damaged"),
    ):
        path.write_bytes(append_files(model, {**files, SIGNATURE: signature}))
        shown = json.loads(run("inspect", path, "--json", "--key", tmp_path / "works.pem.pub"))["signature"]
        assert shown.startswith(said)


def test_doctor_says_whose_models_a_device_takes(
    tmp_path: Path, key: str, write_config: Callable[..., Path], capsys: pytest.CaptureFixture[str]
):
    def trust(config: Path) -> str:
        main(["doctor", "-c", str(config), "--json"])
        found = map(json.loads, capsys.readouterr().out.splitlines())
        return next(str(one["detail"]) for one in found if one["check"] == "trust")

    capsys.readouterr()
    config = write_config()
    assert trust(config).startswith("no key is trusted, so no new model is taken")
    main(["keys", "trust", str(tmp_path / "works.pem.pub"), "-c", str(config)])
    capsys.readouterr()
    assert trust(config) == f"takes new models signed by {key}"
    assert "with or without" in trust(write_config(extra="[slots]\nrequire_signature = false"))
