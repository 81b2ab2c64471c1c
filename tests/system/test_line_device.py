"""A line device from nothing: deploy/provision on a machine that boots systemd, and what the service does there."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.nspawn import Machine, require_root
from tests.support.pki import DEPLOY, said, script
from tests.support.wheels import fill_wheelhouse

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

INSTALL = (
    "/srv/deploy/provision/install.sh",
    "--wheels",
    "/srv/wheels",
    "--config",
    "/srv/edge.toml",
    "--trust",
    "/srv/works.pub",
)
HANG = "/var/lib/edge/hang"
CONFIG = f"""
[device]
id = "line-1"
state = "/var/lib/edge"
[source]
uri = "sim://line"
[model]
path = "/srv/colour.tflite"
colour = "RGB"
range = "0..255"
delegate = "/srv/delegate.so"
delegate_options = {{hang = "{HANG}"}}
"""
SYNC = """
[sync]
broker = "mqtts://127.0.0.1:8883"
ca = "credential:edge.ca"
cert = "credential:edge.cert"
key = "credential:edge.key"
"""
PUBLIC_KEY = b"""-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
-----END PUBLIC KEY-----
"""
"""The first of RFC 8032's examples, in PEM."""
KEY_ID = hashlib.sha256(base64.b64decode(PUBLIC_KEY.splitlines()[1])[-32:]).hexdigest()[:16]
WATCHDOG_S = 3
"""Shorter than shipped, in a drop-in, as README.md says how."""
UNCHANGED = ("/etc", "/opt/edge", "/usr/local", "/boot")


@pytest.fixture(scope="module")
def make_machine(
    tmp_path_factory: pytest.TempPathFactory, delegate_library: Path, colour_model: Path
) -> Iterator[Callable[[], Machine]]:
    """``make_machine()``: off, nothing installed, with all that an engineer would bring in /srv."""
    require_root()
    wheels = fill_wheelhouse(tmp_path_factory.mktemp("wheels") / "wheels")
    machines: list[Machine] = []

    def make() -> Machine:
        machine = Machine(Path(tempfile.mkdtemp(prefix="edge-machine-", dir="/var/tmp")))
        machines.append(machine)
        place = machine.root / "srv"
        shutil.copytree(DEPLOY, place / "deploy")
        shutil.copytree(wheels, place / "wheels")
        shutil.copy(delegate_library, place / "delegate.so")
        shutil.copy(colour_model, place / "colour.tflite")
        shutil.copy(Path(__file__).parents[1] / "support" / "sandbox_probe.py", place / "probe.py")
        (place / "edge.toml").write_text(CONFIG)
        (place / "works.pub").write_bytes(PUBLIC_KEY)
        return machine

    yield make
    for machine in machines:
        machine.close()


@pytest.fixture(scope="module")
def device(make_machine: Callable[[], Machine]) -> Machine:
    """Booted, then provisioned as an engineer would, and judging."""
    machine = make_machine()
    drop_in(machine, "edge.service", f"[Service]\nWatchdogSec={WATCHDOG_S}\n")
    drop_in(machine, "edge-again.service", "[Service]\nEnvironment=PAUSE_S=3\n")
    machine.boot()
    done = machine.run(*INSTALL)
    assert done.returncode == 0, done.stderr
    machine.wait(lambda: judging(machine), 90)
    return machine


def drop_in(machine: Machine, unit: str, text: str, name: str = "test") -> None:
    folder = machine.root / "etc/systemd/system" / f"{unit}.d"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.conf").write_text(text)


def judging(machine: Machine) -> bool:
    shown = machine.show("edge.service", "ActiveState", "StatusText")
    # A systemd that is just reading its settings again does not answer.
    return shown.get("ActiveState") == "active" and "decisions/s" in shown.get("StatusText", "")


def status(machine: Machine) -> dict[str, dict[str, int]]:
    """What ``edge status --json`` says there."""
    command = ["/opt/edge/venv/bin/edge", "status", "-c", "/etc/edge/edge.toml", "--json"]
    found: dict[str, dict[str, int]] = json.loads(machine.run(*command).stdout or "{}")
    return found


def tree(machine: Machine) -> str:
    """Every file's name, rights, owner, size and time of change."""
    form = "%p %M %U:%G %s %T@ %l\n"
    places = [place for place in UNCHANGED if (machine.root / place[1:]).exists()]
    return machine.run("find", *places, "-not", "-name", "*.pyc", "-printf", form).stdout


def test_a_second_run_changes_nothing(device: Machine) -> None:
    before, process = tree(device), device.show("edge.service", "MainPID")
    done = device.run(*INSTALL)
    assert (done.returncode, done.stdout, done.stderr) == (0, "nothing to change\n", "")
    assert before.count("\n") > 100
    assert (tree(device), device.show("edge.service", "MainPID")) == (before, process)


def test_users_groups_and_folders_are_as_they_should_be(device: Machine) -> None:
    groups = set(device.run("id", "-nG", "edge").stdout.split())
    assert groups == {"edge", "video", "dialout", "gpio"}
    stat = device.run(
        "stat", "-c", "%n %a %U:%G", "/var/lib/edge", "/etc/credstore", "/etc/edge", "/etc/edge/edge.toml"
    )
    assert stat.stdout.splitlines() == [
        "/var/lib/edge 750 edge:edge",
        "/etc/credstore 700 root:root",
        "/etc/edge 755 root:root",
        "/etc/edge/edge.toml 644 root:root",
    ]
    assert device.show("edge.service", "UnitFileState") == {"UnitFileState": "enabled"}
    limits = device.run("systemd-analyze", "cat-config", "systemd/journald.conf").stdout
    assert "\nSystemMaxUse=64M" in limits


def keys(machine: Machine) -> str:
    """What ``edge keys list`` says there."""
    return machine.run("/usr/local/bin/edge", "keys", "list", "-c", "/etc/edge/edge.toml").stdout


def test_models_must_be_signed_with_the_key_that_it_was_given(device: Machine) -> None:
    assert KEY_ID in keys(device)
    assert device.run("stat", "-c", "%U", "/var/lib/edge/trust/trust.json").stdout == "edge\n"


def test_the_service_is_judging_as_its_own_user(device: Machine) -> None:
    process = device.show("edge.service", "MainPID")["MainPID"]
    facts = dict(
        line.split(":\t", 1)
        for line in device.run("cat", f"/proc/{process}/status").stdout.splitlines()
        if ":\t" in line
    )
    user = device.run("id", "-u", "edge").stdout.strip()
    assert facts["Uid"].split()[0] == user != "0"
    assert (facts["NoNewPrivs"], facts["Seccomp"], int(facts["CapEff"], 16)) == ("1", "2", 0)
    decided = status(device)["health"]["decided"]
    device.wait(lambda: status(device)["health"]["decided"] > decided)


def runtimes(device: Machine) -> list[str]:
    """Those that there are for the device's Python: tflite-runtime ends at 3.11, which is Debian 12's."""
    older = device.run("test", "-e", "/opt/edge/venv/bin/python3.11").returncode == 0
    return ["litert", "tflite-runtime"] if older else ["litert"]


def test_its_sandbox_holds_and_each_runtime_runs_in_it(device: Machine) -> None:
    unit = (DEPLOY / "systemd" / "edge.service").read_text("utf-8")
    command = f"/opt/edge/venv/bin/python /srv/probe.py /srv/colour.tflite {' '.join(runtimes(device))}"
    unit = re.sub(r"^ExecStart=.*$", f"ExecStart={command}", unit, flags=re.MULTILINE)
    unit = re.sub(r"^(Type|Restart|WatchdogSec|NotifyAccess|OnFailure)=.*$", "", unit, flags=re.MULTILINE)
    device.run(
        "sh",
        "-c",
        "cat > /run/systemd/system/probe.service",
        text=unit.replace("[Service]", "[Service]\nType=oneshot"),
    )
    device.run("sh", "-c", "printf secret > /etc/credstore/edge.password")
    device.run("mknod", "--mode=666", "/dev/tunnel", "c", "10", "200")
    device.run("sh", "-c", "mknod --mode=660 /dev/ttyS0 c 4 64 && chgrp dialout /dev/ttyS0")
    for address in ("192.168.77.7", "203.0.113.7"):
        device.run("ip", "address", "add", f"{address}/32", "dev", "lo")
    device.run("systemctl", "daemon-reload")
    done = device.run("systemctl", "start", "probe.service")
    found = json.loads(
        next((line for line in device.journal("probe.service").splitlines() if line.startswith("{")), "{}")
    )
    assert done.returncode == 0, device.journal("probe.service")
    assert found["write and execute"] in ("EPERM", "EACCES")  # by a filter of calls, since systemd 253 by the kernel
    user = int(device.run("id", "-u", "edge").stdout)
    assert found == {
        "write /etc": "EROFS",
        "write /opt": "EROFS",
        "write state": "yes",
        "write /run/edge": "yes",
        "read /root": "EACCES",
        "read the store": "EACCES",
        "write and execute": found["write and execute"],
        "a tunnel": "EPERM",
        "a serial line": "yes",
        "random": "yes",
        "namespace": "EPERM",
        "root": "EPERM",
        "clock": "EPERM",
        "packets": "EAFNOSUPPORT",
        "netlink": "EAFNOSUPPORT",
        "bluetooth": "EAFNOSUPPORT",
        "a core of its own": "yes",
        "idle moments": "yes",
        "real time": "EPERM",
        "the factory": "yes",
        "the world": "EPERM",
        **dict.fromkeys(runtimes(device), "yes"),
        "user": user,
        "credentials": {"edge.password": "secret"},
    }


def test_a_hung_invoke_is_ended_by_the_watchdog_and_the_line_judges_again(device: Machine) -> None:
    device.wait(lambda: judging(device))
    before = int(device.show("edge.service", "NRestarts")["NRestarts"])
    device.run("touch", HANG)
    began = time.monotonic()
    device.wait(lambda: "Watchdog timeout" in device.journal("edge.service"))
    assert time.monotonic() - began < WATCHDOG_S + 10
    device.run("rm", HANG)
    device.wait(lambda: int(device.show("edge.service", "NRestarts")["NRestarts"]) > before and judging(device))
    # The journal says where it hung.
    journal = device.journal("edge.service")
    assert "Fatal Python error: Aborted" in journal
    assert "in invoke" in journal


def test_a_daemon_that_keeps_failing_is_tried_again_until_it_runs(device: Machine) -> None:
    device.wait(lambda: judging(device))
    since = device.run("date", "+%s.%N").stdout.strip()
    device.run("sh", "-c", "cp /etc/edge/edge.toml /srv/good.toml; echo nonsense >> /etc/edge/edge.toml")
    device.run("systemctl", "restart", "edge.service")
    command = ["journalctl", "--no-pager", "--output=cat", f"--since=@{since}", "--unit=edge.service"]
    device.wait(
        lambda: device.run(*command).stdout.count("start request repeated too quickly".capitalize()) >= 2, 120
    )
    device.run("cp", "/srv/good.toml", "/etc/edge/edge.toml")
    device.wait(lambda: judging(device), 60)


def test_a_device_is_enrolled_and_its_daemon_speaks_to_the_broker(device: Machine) -> None:
    ca, enroll = "/srv/deploy/mosquitto/ca.sh", "/usr/local/sbin/edge-enroll"
    steps = f"""
        set -e
        {ca} init /srv/ca Bakery; {ca} broker /srv/ca 127.0.0.1; {ca} client /srv/ca monitor
        {enroll} request line-1 > /srv/line-1.csr
        {ca} device /srv/ca line-1 --csr /srv/line-1.csr
        mkdir -p /etc/mosquitto/edge
        cp /srv/ca/ca.pem /srv/ca/crl.pem /srv/ca/certs/broker.pem /srv/ca/keys/broker.key /etc/mosquitto/edge
        cp /srv/deploy/mosquitto/acl /srv/deploy/mosquitto/tls.conf /etc/mosquitto/edge
        echo 'user root' >> /etc/mosquitto/edge/tls.conf
    """
    done = device.run("bash", "-c", steps)
    assert done.returncode == 0, done.stderr
    broker = device.start("/usr/sbin/mosquitto", "-c", "/etc/mosquitto/edge/tls.conf")
    try:
        accepted = device.run(enroll, "accept", "/srv/ca/certs/line-1.pem", "/srv/ca/ca.pem")
        assert accepted.returncode == 0, accepted.stderr
        device.run("sh", "-c", "cat >> /etc/edge/edge.toml", text=SYNC)
        device.run("systemctl", "restart", "edge.service")
        words = "--broker mqtts://127.0.0.1:8883 --once --json --ca /srv/ca/ca.pem --cert /srv/ca/certs/monitor.pem"
        listen = ["/opt/edge/venv/bin/edge", "monitor", *words.split(), "--key", "/srv/ca/keys/monitor.key"]
        device.wait(lambda: '"state": "online"' in device.run(*listen).stdout.replace('":"', '": "'), 60)
    finally:
        broker.terminate()
        broker.wait()


def offline(machine: Machine, *words: str) -> subprocess.CompletedProcess[str]:
    """install.sh on the root folder of a machine that is off: a mounted SD card."""
    command = [str(DEPLOY / "provision" / "install.sh"), "--root", str(machine.root), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def files(machine: Machine) -> dict[str, tuple[int, int, float]]:
    """All that was written to the card, and when."""
    found = (machine.folder / "upper").rglob("*")
    return {str(path): (s.st_mode, s.st_size, s.st_mtime) for path in found if (s := path.lstat())}


def test_an_sd_card_is_prepared_and_finishes_at_its_first_boot(make_machine: Callable[[], Machine]) -> None:
    machine = make_machine()
    (machine.root / "boot/firmware").mkdir(parents=True, exist_ok=True)
    (machine.root / "boot/firmware/config.txt").write_text("[pi5]\ndtparam=uart0=on")
    words = ("--wheels", str(machine.root / "srv/wheels"), "--config", str(machine.root / "srv/edge.toml"))
    words += ("--trust", str(machine.root / "srv/works.pub"))
    untouched = files(machine)
    rehearsal = offline(machine, *words, "--dry-run")
    assert rehearsal.stdout.splitlines()[-1].endswith("changes would be made")
    assert files(machine) == untouched
    done = offline(machine, *words)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:-1] == rehearsal.stdout.splitlines()[:-1]
    config = (machine.root / "boot/firmware/config.txt").read_text()
    assert config == "[pi5]\ndtparam=uart0=on\n[all]\ndtparam=watchdog=on\n"
    written = files(machine)
    assert offline(machine, *words).stdout == "nothing to change\n"
    assert files(machine) == written
    machine.boot()
    machine.wait(lambda: judging(machine), 240)
    assert "install edgeline-" in machine.journal("edge-first-boot.service")
    assert KEY_ID in keys(machine)


def test_a_state_partition_is_mounted_where_the_state_is(make_machine: Callable[[], Machine]) -> None:
    machine = make_machine()
    words = ("--wheels", str(machine.root / "srv/wheels"), "--state", "/dev/disk/by-label/edge-state")
    done = offline(machine, *words)
    assert done.returncode == 0, done.stderr
    assert "next: write" in done.stdout
    unit = machine.root / "etc/systemd/system/var-lib-edge.mount"
    assert "What=/dev/disk/by-label/edge-state\n" in unit.read_text()
    verified = machine.chroot("systemd-analyze", "verify", "/etc/systemd/system/var-lib-edge.mount")
    assert (verified.returncode, verified.stderr) == (0, "")


def test_what_was_installed_can_be_removed_and_the_state_stays(make_machine: Callable[[], Machine]) -> None:
    machine = make_machine()
    assert offline(machine, "--wheels", str(machine.root / "srv/wheels")).returncode == 0
    (machine.root / "var/lib/edge/kept").touch()
    done = offline(machine, "--uninstall")
    assert "remove /etc/systemd/system/edge.service" in done.stdout
    assert not [path for path in (machine.root / "etc").rglob("*edge*") if path.name not in ("edge", "edge.toml")]
    assert (machine.root / "var/lib/edge/kept").exists()
    assert offline(machine, "--uninstall").stdout == "nothing to change\n"


@pytest.mark.parametrize(
    ("words", "status", "reason"),
    [
        ((), 1, "no SDK to install; expected --sdk FILE, or edgeline-*.whl in --wheels DIR"),
        (("--wheels", "/nowhere"), 1, "--wheels /nowhere: no such folder"),
        (("--sdk", "/nowhere.whl"), 1, "--sdk /nowhere.whl: no such file"),
        (("--config", "/nowhere.toml"), 1, "--config /nowhere.toml: no such file"),
        (("--root", "/proc"), 1, "/proc: not a Debian system"),
        (("--wheels",), 1, "--wheels: a value is missing"),
        (("--force",), 2, "unknown option --force"),
    ],
)
def test_a_mistake_is_said_before_anything_is_changed(words: tuple[str, ...], status: int, reason: str) -> None:
    require_root()
    done = script("provision/install.sh", *words)
    assert done.returncode == status
    assert reason in said(done.stderr)
