"""Root folders of SD cards, artifacts for them, and the command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edge.cli.main import main
from edge.trust.keys import PrivateKey, public_pem

CONFIG = """
[device]
id = "line-7"
state = "/var/lib/edge"
[source]
uri = "sim://line?width=64&height=48"
[model]
path = "factory.tflite"
"""


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """As an image leaves it: no configuration yet, and no state."""
    root = tmp_path / "card"
    for name in ("etc", "var/lib"):
        (root / name).mkdir(parents=True)
    (root / "etc" / "passwd").write_text("root:x:0:0::/root:/bin/sh\nedge:x:990:991::/var/lib/edge:/bin/false\n")
    return root


@pytest.fixture
def new_config(tmp_path: Path) -> Path:
    path = tmp_path / "line-7.toml"
    path.write_text(CONFIG)
    return path


@pytest.fixture
def public_key(tmp_path: Path, signing_key: PrivateKey) -> Path:
    path = tmp_path / "works.pub"
    path.write_bytes(public_pem(signing_key.public))
    return path


@pytest.fixture
def signed_artifact(tmp_path: Path, make_signed: Callable[..., bytes]) -> Path:
    """Version 2."""
    path = tmp_path / "colour-2.tflite"
    path.write_bytes(make_signed(version=2))
    return path


@pytest.fixture
def flash(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """``flash("x.tflite", "dir:///…")``: exit status, standard output and standard error of ``edge flash``."""

    def run(*words: object) -> tuple[int, str, str]:
        status = main(["flash", *map(str, words)])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run
