"""The files that systemd and udev read: do these programs understand them, and how much is the service exposed."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.nspawn import require_root

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
SERVICE = DEPLOY / "systemd" / "edge.service"
MAX_EXPOSURE = 1.5


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, timeout=60, check=False)


def exposure(unit: Path) -> float:
    done = analyze("security", "--offline=true", str(unit))
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert found, done.stdout + done.stderr
    return float(found[1])


def test_the_service_is_hardly_exposed() -> None:
    assert exposure(SERVICE) <= MAX_EXPOSURE


def test_the_exposure_tells_a_weaker_service(tmp_path: Path) -> None:
    weaker = tmp_path / "edge.service"
    weaker.write_text(SERVICE.read_text("utf-8").replace("ProtectClock=yes", "").replace("PrivateUsers=yes", ""))
    assert exposure(weaker) > exposure(SERVICE)


@pytest.mark.parametrize(
    "name", ["systemd/edge.service", "systemd/edge-again.service", "provision/edge-first-boot.service"]
)
def test_systemd_understands_every_line_of_a_unit(tmp_path: Path, name: str) -> None:
    """The program that is to be started is not there, and that is all that it complains of."""
    units = (*(DEPLOY / "systemd").glob("*.service"), DEPLOY / name)
    for unit in units:
        shutil.copy(unit, tmp_path)
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = tmp_path / Path(name).name
    unit.write_text(
        re.sub(r"^ExecStart=/opt/\S+", f"ExecStart={program}", unit.read_text("utf-8"), flags=re.MULTILINE)
    )
    done = analyze("verify", "--recursive-errors=no", str(unit))
    assert (done.returncode, done.stderr) == (0, "")


def test_udev_understands_every_rule(tmp_path: Path) -> None:
    """``udevadm test`` reads the rules of a root folder before it looks at the device, and names wrong lines."""
    require_root()
    for text, wrong in (
        ((DEPLOY / "systemd" / "70-edge.rules").read_text("utf-8"), False),
        ('NONSENSE=="1"\n', True),
    ):
        rules = Path("/run/udev/rules.d") / f"70-edge-{tmp_path.name}.rules"
        rules.parent.mkdir(parents=True, exist_ok=True)
        rules.write_text(text)
        try:
            done = subprocess.run(
                ["udevadm", "test", "/sys/devices/virtual/mem/null"],
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
        finally:
            rules.unlink()
        said = [line for line in done.stderr.splitlines() if rules.name in line and "Reading rules file" not in line]
        assert f"Reading rules file: {rules}" in done.stderr
        assert bool(said) is wrong, said


@pytest.mark.parametrize("path", sorted(DEPLOY.rglob("*.sh")), ids=lambda path: path.name)
def test_shell_scripts_have_nothing_that_shellcheck_objects_to(path: Path) -> None:
    done = subprocess.run(
        ["shellcheck", "--external-sources", "--exclude=SC1091", str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")
