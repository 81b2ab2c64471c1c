"""The scripts that make and install certificates: what they leave behind, what they say when something is wrong."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.pki import Authority, said, script

pytestmark = pytest.mark.system


@pytest.fixture
def authority(tmp_path: Path, openssl: str) -> Authority:
    authority = Authority(tmp_path / "ca")
    authority("init", "Bakery")
    return authority


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "credstore"


def enroll(store: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return script("provision/enroll.sh", *words, "--store", str(store))


def enrolled(authority: Authority, store: Path, name: str = "line-1") -> Path:
    """The certificate that answers the device's request."""
    request = store.parent / f"{name}.csr"
    request.write_text(enroll(store, "request", name).stdout)
    authority("device", name, "--csr", str(request))
    return authority.folder / "certs" / f"{name}.pem"


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def text_of(certificate: Path) -> str:
    command = ["openssl", "x509", "-in", str(certificate), "-noout", "-text"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_keys_are_for_their_owner_alone(authority: Authority) -> None:
    authority("broker", "localhost")
    authority("client", "monitor")
    for key in (authority.folder / "ca.key", *(authority.folder / "keys").iterdir()):
        assert mode(key) == 0o600
    assert mode(authority.folder) == 0o700


def test_the_brokers_certificate_names_how_it_is_reached(authority: Authority) -> None:
    authority("broker", "broker.plant", "192.168.7.1", "fd00::1")
    text = text_of(authority.folder / "certs" / "broker.pem")
    for name in ("DNS:broker.plant", "IP Address:192.168.7.1", "IP Address:FD00:0:0:0:0:0:0:1"):
        assert name in text
    assert "TLS Web Server Authentication" in text
    authority("renew", "broker")
    assert "DNS:broker.plant" in text_of(authority.folder / "certs" / "broker.pem")


def test_a_request_cannot_choose_another_name_or_more_rights(authority: Authority, tmp_path: Path) -> None:
    request, key = tmp_path / "sly.csr", tmp_path / "sly.key"
    command = ["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", str(key), "-out", str(request), "-subj", "/CN=operator"]
    command += ["-addext", "basicConstraints=critical,CA:true", "-addext", "extendedKeyUsage=serverAuth"]
    subprocess.run(command, check=True, capture_output=True)
    authority("device", "line-1", "--csr", str(request))
    text = text_of(authority.folder / "certs" / "line-1.pem")
    assert re.search(r"Subject: CN ?= ?line-1\n", text)  # OpenSSL 3.2 leaves the spaces out
    assert "CA:TRUE" not in text
    assert "Server Authentication" not in text


def test_a_devices_key_never_leaves_it(authority: Authority, store: Path) -> None:
    certificate = enrolled(authority, store)
    assert not (authority.folder / "keys" / "line-1.key").exists()
    done = enroll(store, "accept", str(certificate), str(authority.folder / "ca.pem"))
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "device line-1"), done.stderr
    assert sorted(path.name for path in store.iterdir()) == ["edge.ca", "edge.cert", "edge.key"]
    assert {mode(path) for path in store.iterdir()} == {0o600}


def test_a_renewal_leaves_the_old_certificate_in_force_until_the_new_one_is_there(
    authority: Authority, store: Path
) -> None:
    ca = str(authority.folder / "ca.pem")
    assert enroll(store, "accept", str(enrolled(authority, store)), ca).returncode == 0
    before = {path.name: path.read_bytes() for path in store.iterdir()}
    request = store.parent / "newer.csr"
    request.write_text(enroll(store, "request", "line-1").stdout)
    authority("renew", "line-1", "--csr", str(request))
    newer = authority.folder / "certs" / "line-1.pem"
    assert {name: (store / name).read_bytes() for name in before} == before
    # Asked twice: the same key, so that an answer to the first request is not lost.
    key = (store / "edge.key.new").read_bytes()
    enroll(store, "request", "line-1")
    assert (store / "edge.key.new").read_bytes() == key
    assert enroll(store, "accept", str(newer), ca).returncode == 0
    assert (store / "edge.key").read_bytes() == key
    assert not (store / "edge.key.new").exists()


def test_what_does_not_fit_is_not_installed(authority: Authority, store: Path, tmp_path: Path) -> None:
    ca = str(authority.folder / "ca.pem")
    assert enroll(store, "accept", str(enrolled(authority, store)), ca).returncode == 0
    before = {path.name: path.read_bytes() for path in store.iterdir()}
    foreign = Authority(tmp_path / "foreign")
    foreign("init")
    authority("device", "line-2")
    authority.past("line-3")
    shutil.copy(authority.folder / "keys" / "line-3.key", store / "edge.key.new")
    for certificate, signer, reason in (
        (authority.folder / "certs" / "line-2.pem", ca, "not made for this device's key"),
        (authority.folder / "certs" / "line-1.pem", str(foreign.folder / "ca.pem"), "not signed by"),
        (authority.folder / "certs" / "line-3.pem", ca, "not valid today (notAfter=Jan  2"),
        (authority.folder / "ca.key", ca, "not a certificate"),
    ):
        done = enroll(store, "accept", str(certificate), signer)
        assert done.returncode == 1
        assert reason in said(done.stderr)
        assert {name: (store / name).read_bytes() for name in before} == before


def test_list_tells_who_and_how_long(authority: Authority) -> None:
    authority("client", "monitor", "--days", "30")
    authority("device", "line-1")
    assert authority("list").splitlines() == ["line-1 730 days", "monitor 30 days"]


@pytest.mark.parametrize(
    ("words", "status", "reason"),
    [
        (("init", "{ca}"), 1, "there is an authority already"),
        (("device", "{tmp}/none", "line-1"), 1, "no authority here; make one with: ca.sh init"),
        (("device", "{ca}", "@group"), 1, "@group: expected 1 to 63 letters"),
        (("device", "{ca}", "a/b"), 1, "a/b: expected 1 to 63 letters"),
        (("device", "{ca}", "operator"), 1, "operator: this name has rights of its own"),
        (("device", "{ca}", "line-1", "--csr", "{ca}/ca.pem"), 1, "not a certificate request"),
        (("device", "{ca}"), 2, "device: expected one name"),
        (("broker", "{ca}"), 2, "expected a host name"),
        (("renew", "{ca}", "line-7"), 1, "line-7 has no certificate here"),
        (("revoke", "{ca}", "line-7"), 1, "line-7 has no certificate here"),
        (("client", "{ca}", "monitor", "--days", "soon"), 2, "--days: expected 1 to 99999, got soon"),
        (("client", "{ca}", "monitor", "--days"), 2, "--days: a value is missing"),
        (("sign", "{ca}"), 2, "unknown command sign"),
        (("list",), 2, "expected a command and a folder"),
        (("list", "{ca}", "--all"), 2, "unknown option --all"),
    ],
)
def test_a_mistake_is_one_line_and_a_status(
    authority: Authority, tmp_path: Path, words: tuple[str, ...], status: int, reason: str
) -> None:
    before = sorted(path.name for path in authority.folder.rglob("*"))
    done = script("mosquitto/ca.sh", *(word.format(ca=authority.folder, tmp=tmp_path) for word in words))
    assert done.returncode == status
    assert reason in said(done.stderr)
    assert sorted(path.name for path in authority.folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("words", "status", "reason"),
    [
        (("request", "no/name"), 1, "no/name: expected 1 to 63 letters"),
        (("request",), 2, "expected the device's id"),
        (("accept", "one.pem"), 2, "expected the certificate and the authority's"),
        (("show",), 1, "begin with: enroll.sh request ID"),
        (("renew",), 2, "expected request, accept or show"),
    ],
)
def test_enrolment_says_what_it_expected(store: Path, words: tuple[str, ...], status: int, reason: str) -> None:
    done = enroll(store, *words)
    assert done.returncode == status
    assert reason in said(done.stderr)
