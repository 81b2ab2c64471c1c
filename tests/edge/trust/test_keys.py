"""Key files: for their owner alone, readable by openssl, refused with a reason."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from edge.core.package import install_hint
from edge.errors import ConfigError
from edge.trust.key_files import public_path, write_pair
from edge.trust.keys import PASSPHRASE, PrivateKey, passphrase, read_public, verifies
from edge.trust.signature import key_id


def test_a_pair_is_written_and_read_back(tmp_path: Path):
    key = write_pair(tmp_path / "works.pem")
    assert stat.S_IMODE((tmp_path / "works.pem").stat().st_mode) == 0o600
    again = PrivateKey.read(tmp_path / "works.pem")
    public = read_public(tmp_path / "works.pem.pub")
    assert (again.id, again.public) == (key.id, public)
    assert key_id(public) == key.id
    assert verifies(public, again.sign(b"x"), b"x")
    assert not verifies(public, again.sign(b"x"), b"y")
    assert not verifies(b"short", again.sign(b"x"), b"x")


def test_a_key_is_never_overwritten(tmp_path: Path):
    write_pair(tmp_path / "works.pem")
    before = (tmp_path / "works.pem").read_bytes()
    with pytest.raises(ConfigError, match=r"works\.pem: is there already; a key is never overwritten"):
        write_pair(tmp_path / "works.pem")
    assert (tmp_path / "works.pem").read_bytes() == before
    (tmp_path / "other.pem.pub").write_text("", "utf-8")
    with pytest.raises(ConfigError, match="never overwritten"):
        write_pair(tmp_path / "other.pem")
    assert not (tmp_path / "other.pem").exists()


def test_a_passphrase_is_asked_for(tmp_path: Path):
    path = tmp_path / "works.pem"
    key = write_pair(path, b"let me in")
    assert PrivateKey.read(path, b"let me in").id == key.id
    with pytest.raises(ConfigError, match="needs a passphrase; give --passphrase-file or EDGE_KEY_PASSPHRASE"):
        PrivateKey.read(path)
    with pytest.raises(ConfigError, match="or the passphrase is wrong"):
        PrivateKey.read(path, b"wrong")
    plain = tmp_path / "plain.pem"
    write_pair(plain)
    with pytest.raises(ConfigError, match="has no passphrase; leave out"):
        PrivateKey.read(plain, b"let me in")


def test_a_passphrase_comes_from_a_file_or_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(PASSPHRASE, raising=False)
    assert passphrase(None) is None
    monkeypatch.setenv(PASSPHRASE, "from outside")
    assert passphrase(None) == b"from outside"
    file = tmp_path / "word"
    file.write_bytes(b"from a file\r\nsecond line\n")
    assert passphrase(file) == b"from a file"
    file.write_bytes(b"\n")
    with pytest.raises(ConfigError, match="empty first line"):
        passphrase(file)
    with pytest.raises(ConfigError, match="cannot be read"):
        passphrase(tmp_path / "none")


def test_a_private_key_that_others_may_read_is_refused(tmp_path: Path):
    write_pair(tmp_path / "works.pem")
    (tmp_path / "works.pem").chmod(0o640)
    with pytest.raises(ConfigError, match=r"mode 040\); chmod 600"):
        PrivateKey.read(tmp_path / "works.pem")


def test_a_private_key_is_kept_off_devices(tmp_path: Path):
    write_pair(tmp_path / "works.pem")
    with pytest.raises(ConfigError, match=r"must not leave its owner; give the file .*works\.pem\.pub"):
        read_public(tmp_path / "works.pem")


@pytest.mark.parametrize("algorithm", ["RSA", "X25519"])
def test_other_kinds_of_keys_are_refused_by_name(tmp_path: Path, algorithm: str):
    private, public = tmp_path / "other.pem", tmp_path / "other.pub"
    subprocess.run(["openssl", "genpkey", "-algorithm", algorithm, "-out", private], check=True, capture_output=True)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True, capture_output=True)
    private.chmod(0o600)
    with pytest.raises(ConfigError, match="PrivateKey; expected an Ed25519 key"):
        PrivateKey.read(private)
    with pytest.raises(ConfigError, match="PublicKey; expected an Ed25519 key"):
        read_public(public)


@pytest.mark.parametrize("content", [b"", b"hello", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"])
def test_what_is_no_key_is_refused(tmp_path: Path, content: bytes):
    path = tmp_path / "file"
    path.write_bytes(content)
    path.chmod(0o600)
    for read in (read_public, PrivateKey.read):
        with pytest.raises(ConfigError, match=r"cannot be read .*; expected an Ed25519 key in PEM"):
            read(path)
    with pytest.raises(ConfigError, match="No such file"):
        read_public(tmp_path / "none")


def test_openssl_reads_our_keys_and_we_read_openssl_s(tmp_path: Path):
    key = write_pair(tmp_path / "works.pem")
    pem = subprocess.run(
        ["openssl", "pkey", "-in", tmp_path / "works.pem", "-pubout"], check=True, capture_output=True
    ).stdout
    assert pem == public_path(tmp_path / "works.pem").read_bytes()
    theirs = tmp_path / "theirs.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ED25519", "-out", theirs], check=True, capture_output=True)
    theirs.chmod(0o600)
    (tmp_path / "data").write_bytes(b"signed by us")
    (tmp_path / "signature").write_bytes(key.sign(b"signed by us"))
    files = ["-inkey", tmp_path / "works.pem.pub", "-in", tmp_path / "data", "-sigfile", tmp_path / "signature"]
    subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-rawin", *files], check=True, capture_output=True)
    assert len(PrivateKey.read(theirs).public) == 32


def test_without_the_package_the_way_out_is_said(tmp_path: Path):
    """In a process of its own, where cryptography cannot be imported."""
    program = (
        "import sys; sys.modules['cryptography'] = None\n"
        "from edge.cli.main import main\n"
        f"sys.exit(main(['keys', 'new', {str(tmp_path / 'works.pem')!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 10
    assert done.stderr == f"edge: signatures need the package cryptography; {install_hint('signing')}\n"
    assert not (tmp_path / "works.pem").exists()
