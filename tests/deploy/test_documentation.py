"""Every script in deploy/ is documented: each command and option that its help names, and no other."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"


@pytest.mark.parametrize(
    ("script", "readme"),
    [
        ("provision/install.sh", "provision/README.md"),
        ("provision/enroll.sh", "provision/README.md"),
        ("mosquitto/ca.sh", "mosquitto/README.md"),
    ],
)
def test_every_option_and_command_of_a_script_is_in_its_readme(script: str, readme: str) -> None:
    done = subprocess.run([str(DEPLOY / script), "--help"], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    text = (DEPLOY / readme).read_text("utf-8")
    named = set(re.findall(r"--[a-z][a-z-]+", done.stdout))
    named |= set(re.findall(r"^  ([a-z]+) DIR", done.stdout, re.MULTILINE))
    named |= set(re.findall(r"enroll\.sh ([a-z]+)", done.stdout))
    assert named
    assert {word for word in named if not re.search(rf"(?<![\w-]){word}(?![\w-])", text)} == set()


def test_every_file_of_systemd_is_in_the_table_of_what_goes_where() -> None:
    text = (DEPLOY / "systemd" / "README.md").read_text("utf-8")
    installer = (DEPLOY / "provision" / "install.sh").read_text("utf-8")
    names = {path.name for path in (DEPLOY / "systemd").iterdir()} - {"README.md"}
    assert {name for name in names if f"`{name}`" not in text} == set()
    assert {name for name in names if name not in installer} == set()


def test_every_secret_is_one_that_the_service_is_handed() -> None:
    service = (DEPLOY / "systemd" / "edge.service").read_text("utf-8")
    handed = set(re.findall(r"^LoadCredential=(\S+)$", service, re.MULTILINE))
    assert handed == {"edge.ca", "edge.cert", "edge.key", "edge.password"}
    for name in ("systemd/README.md", "provision/edge.toml"):
        used = set(re.findall(r"credential:([\w.]+)", (DEPLOY / name).read_text("utf-8")))
        assert used
        assert used <= handed
