"""What the SDK sees of an emulated Raspberry Pi 4."""

from __future__ import annotations

import json

import pytest

from tests.system.arm64.board import emulated, runtimes

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]


def test_doctor_knows_the_board_and_finds_its_runtimes() -> None:
    rows = map(json.loads, emulated("-m", "edge.cli.main", "doctor", "--json").stdout.splitlines())
    found = {(row["check"], row["state"], row["detail"].split(",")[0]) for row in rows}
    assert ("board", "ok", "Raspberry Pi 4 Model B Rev 1.4") in found
    usable = {detail.split()[0] for check, state, detail in found if (check, state) == ("runtime", "ok")}
    assert usable == runtimes()


def test_child_processes_are_emulated_too_and_files_of_the_kernel_are_the_boards() -> None:
    program = (
        "import json, subprocess, sys\n"
        "from edge.device.health.system import temperature_c, throttled\n"
        "ask = 'import platform; print(platform.machine())'\n"
        "child = subprocess.run([sys.executable, '-c', ask], capture_output=True, text=True, check=True)\n"
        "print(json.dumps([child.stdout.strip(), temperature_c(), throttled()]))"
    )
    assert json.loads(emulated("-c", program).stdout) == ["aarch64", 48.312, []]
