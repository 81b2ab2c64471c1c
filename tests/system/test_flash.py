"""``edge flash`` against a real sshd: twenty devices at once, some of which are in trouble."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.device.slots import Slots, SlotsState
from edge.fleet.ssh.transfer import WINDOW
from edge.trust import Trust
from edge.trust.keys import PrivateKey, public_pem
from tests.support.daemon import Daemon, wait_until
from tests.support.disks import Disk
from tests.support.ssh_targets import EDGE, Flashed, Fleet
from tests.support.sshd import Sshd, free_port
from tests.support.tcp_proxy import CuttingProxy

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]

PADDING = 2_000_000
FILL_UP = """#!/bin/sh
# Something else fills the disk between the look and the transfer.
[ "$2" = receive ] && cat /dev/zero > "{state}/filler" 2>/dev/null
exec "{edge}" "$@"
"""


@pytest.fixture
def fleet(tmp_path: Path, make_artifact: Callable[..., bytes], signing_key: PrivateKey) -> Iterator[Fleet]:
    sshd = Sshd(tmp_path)
    sshd.start()
    yield Fleet(sshd, make_artifact(), signing_key.public)
    sshd.stop()


@pytest.fixture
def new(tmp_path: Path, make_signed: Callable[..., bytes]) -> Path:
    """Version 2, with enough in it to be cut half-way."""
    path = tmp_path / "colour-2.tflite"
    path.write_bytes(make_signed(version=2, files={"padding.bin": os.urandom(PADDING)}))
    return path


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system of its own."""
    try:
        disk = Disk(tmp_path / "small", megabytes=16)
    except OSError as error:
        if os.environ.get("CI"):
            pytest.fail(f"{error}; nothing is skipped under CI")
        pytest.skip(f"no disk of one's own without root and loop devices ({error})")
    yield disk.root
    disk.close()


def runs_factory(state: SlotsState) -> bool:
    return state.active == "" and state.trial == ""


RUNNING, WAITING = ("line-1", "line-2"), tuple(f"line-{n}" for n in range(3, 16))
CUT, REFUSES, FULL, CLOSED, STRANGER = (f"line-{n}" for n in range(16, 21))
"""The connection is cut half-way; downgrade; a full disk; a closed port; another host key."""
TARGETS = (*RUNNING, *WAITING, CUT, REFUSES, FULL, CLOSED, STRANGER)


@pytest.fixture
def proxy(fleet: Fleet, full_disk: Path, start: Callable[..., Daemon], tmp_path: Path) -> CuttingProxy:
    """The twenty devices, each with its trouble; what cuts the connection to one of them."""
    proxy = CuttingProxy(fleet.sshd.port, PADDING // 2)
    for name in WAITING:
        fleet.add(name)
    fleet.add(CUT, Port=proxy.port)
    trust = Trust(fleet.add(REFUSES) / "state" / "trust")
    trust.committed(trust.key_ids()[0], "colour", 9)
    fill_up_during_the_transfer(fleet.add(FULL, state=full_disk / "state"), full_disk / "state")
    fleet.add(CLOSED, Port=free_port())
    fleet.add(STRANGER, HostKeyAlias="another", UserKnownHostsFile=tmp_path / "other_hosts")
    (tmp_path / "other_hosts").write_text(f"another {(fleet.sshd.folder / 'other_key.pub').read_text()}")
    daemons = [start(fleet.add(name) / "edge.toml") for name in RUNNING]
    for daemon in daemons:
        daemon.wait_for("judging", 60)
    return proxy


def fill_up_during_the_transfer(home: Path, state: Path) -> None:
    edge, real = home / "bin" / "edge", home / "bin" / "real"
    shutil.move(edge, real)
    edge.write_text(FILL_UP.format(state=state, edge=real))
    edge.chmod(0o755)


def test_twenty_devices_at_once_and_each_trouble_is_said(
    fleet: Fleet, proxy: CuttingProxy, new: Path, full_disk: Path
) -> None:
    done = fleet.flash(new, *TARGETS, "--parallel", 20, "--json", "--timeout", 500)
    every_ending_is_said(done)
    the_new_model_is_where_it_should_be(fleet, new, done)
    the_others_run_what_they_ran(fleet, full_disk / "state")
    what_the_cut_connection_had_brought_is_not_sent_again(proxy, new.stat().st_size, done)
    the_table_shows_it(fleet.flash("--check", RUNNING[0], WAITING[0], REFUSES))


def every_ending_is_said(done: Flashed) -> None:
    assert done.status == 11, done.err
    endings = {name: result["result"] for name, result in done.results.items()}
    assert endings == {
        **dict.fromkeys(RUNNING, "committed"),
        **dict.fromkeys((*WAITING, CUT), "installed"),
        REFUSES: "refused",
        **dict.fromkeys((FULL, CLOSED, STRANGER), "failed"),
    }, done.out + done.err
    assert done.err.splitlines()[-1] == "edge: 4 of 20 devices do not run colour v2"
    assert "downgrade: version 2 of colour, and 9 was committed here" in done.results[REFUSES]["reason"]
    assert "No space left on device" in done.results[FULL]["reason"]
    assert "Connection refused" in done.results[CLOSED]["reason"]
    assert "Host key verification failed" in done.results[STRANGER]["reason"]


def the_new_model_is_where_it_should_be(fleet: Fleet, new: Path, done: Flashed) -> None:
    for name in RUNNING:
        state, result = fleet.slots(name), done.results[name]
        assert state.held[state.active].version == 2
        assert (result["before"]["version"], result["after"]["version"]) == (1, 2)
    for name in (*WAITING, CUT):
        state = fleet.slots(name)
        assert state.held[state.trial].version == 2
        assert state.files[state.trial].read_bytes() == new.read_bytes()


def the_others_run_what_they_ran(fleet: Fleet, full: Path) -> None:
    assert all(runs_factory(fleet.slots(name)) for name in (REFUSES, CLOSED, STRANGER))
    assert runs_factory(fleet.slots(FULL, full))
    assert not list(full.rglob("*.part"))


def what_the_cut_connection_had_brought_is_not_sent_again(proxy: CuttingProxy, size: int, done: Flashed) -> None:
    assert proxy.cuts == 1
    assert size <= done.results[CUT]["sent_bytes"] <= size + WINDOW
    assert proxy.carried < 1.1 * size + WINDOW


def the_table_shows_it(table: Flashed) -> None:
    lines = table.out.splitlines()[1:]
    assert [line.split()[5:7] for line in lines] == [["MB", "colour"]] * 3
    assert ["v2" in line for line in lines] == [True, False, False]
    assert "slot A on trial" in table.out


def test_what_waits_for_a_daemon_is_tried_and_committed_at_its_next_start(
    fleet: Fleet, new: Path, start: Callable[..., Daemon]
) -> None:
    home = fleet.add("line-1")
    assert fleet.flash(new, "line-1").status == 0
    start(home / "edge.toml")
    wait_until(lambda: fleet.slots("line-1").active != "", 120)
    again = fleet.flash(new, "line-1", "--json")
    assert (again.status, again.results["line-1"]["result"], again.results["line-1"]["sent_bytes"]) == (
        0,
        "unchanged",
        0,
    )


def test_a_connection_that_never_comes_back_is_given_up_and_the_rest_follows_another_day(
    fleet: Fleet, new: Path
) -> None:
    proxy = CuttingProxy(fleet.sshd.port, PADDING // 2, for_good=True)
    fleet.add("line-1", Port=proxy.port)
    gone = fleet.flash(new, "line-1", "--json", "--timeout", 30)
    result = gone.results["line-1"]
    size = new.stat().st_size
    assert (gone.status, result["result"]) == (11, "failed")
    assert f"of {size} bytes" in result["reason"]
    assert runs_factory(fleet.slots("line-1"))
    fleet.sshd.config.write_text(fleet.sshd.config.read_text().replace(str(proxy.port), str(fleet.sshd.port)))
    rest = fleet.flash(new, "line-1", "--json").results["line-1"]
    assert rest["result"] == "installed"
    assert rest["sent_bytes"] < size - PADDING // 4


def test_a_device_that_is_lost_from_view_during_its_trial_is_asked_how_it_ended(
    fleet: Fleet, new: Path, start: Callable[..., Daemon]
) -> None:
    proxy = CuttingProxy(fleet.sshd.port, 1 << 40)
    home = fleet.add("line-1", Port=proxy.port)
    config = home / "edge.toml"
    config.write_text(config.read_text().replace("trial_frames = 30", "trial_frames = 120"))
    start(config).wait_for("judging", 60)
    command = fleet.words(new, "line-1", "--json")
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: fleet.slots("line-1").trial != "", 120)
    proxy.cut()
    out, err = process.communicate(timeout=240)
    assert "line-1: waiting, ssh: " in err
    result = Flashed(process.returncode, out, err).results["line-1"]
    assert (result["result"], result["after"]["version"]) == ("committed", 2)
    assert [event.event for event in Slots(home / "state" / "slots").history()].count("trial") == 1


def test_a_device_without_edge_and_one_whose_edge_is_broken_are_said(fleet: Fleet, new: Path) -> None:
    (fleet.add("line-1") / "bin" / "edge").unlink()
    broken = fleet.add("line-2") / "bin" / "edge"
    broken.write_text("#!/bin/sh\necho 'motd'; echo 'ImportError: libGL.so.1' >&2; exit 1\n")
    fleet.add("line-3")
    (fleet.sshd.home("line-3") / "edge.toml").unlink()
    done = fleet.flash(new, "line-1", "line-2", "line-3", "--json")
    reasons = {name: result["reason"] for name, result in done.results.items()}
    assert done.status == 11
    assert "say where it is with --edge" in reasons["line-1"]
    assert reasons["line-2"] == "ImportError: libGL.so.1"
    assert reasons["line-3"].startswith("edge.toml: no such file")


def test_a_device_that_hangs_up_while_it_is_sent_to_is_quoted(fleet: Fleet, new: Path) -> None:
    command = fleet.add("line-1") / "bin" / "edge"
    real = command.rename(command.with_name("real"))
    refusal = """echo '{"have": 0}'; echo 'edge: the disk is read-only' >&2; exit 6"""
    command.write_text(f'#!/bin/sh\nif [ "$2" = receive ]; then {refusal}; fi\nexec "{real}" "$@"\n')
    command.chmod(0o755)
    done = fleet.flash(new, "line-1", "--json")
    result = done.results["line-1"]
    assert (done.status, result["result"], result["reason"]) == (11, "failed", "the disk is read-only")


def test_a_part_that_a_power_cut_spoilt_is_found_out_and_sent_again(fleet: Fleet, new: Path) -> None:
    incoming = fleet.add("line-1") / "state" / "slots" / "incoming"
    incoming.mkdir(parents=True)
    part = incoming / f"{hashlib.sha256(new.read_bytes()).hexdigest()}.part"
    part.write_bytes(bytes(1_000_000))  # its size came to the disk, its content did not
    result = fleet.flash(new, "line-1", "--json").results["line-1"]
    assert (result["result"], result["sent_bytes"]) == ("installed", 2 * new.stat().st_size - 1_000_000)
    state = fleet.slots("line-1")
    assert state.files[state.trial].read_bytes() == new.read_bytes()
    assert list(incoming.iterdir()) == []


def test_two_names_of_one_device_are_found_out(fleet: Fleet, new: Path) -> None:
    home = fleet.add("line-1")
    shutil.copytree(home, fleet.add("line-2"), dirs_exist_ok=True)
    done = fleet.flash(new, "line-1", "line-2", "--json")
    assert done.status == 11
    assert "calls itself line-1, as line-1 does" in done.results["line-2"]["reason"]
    assert done.results["line-1"]["result"] == "installed"


def test_a_card_boots_with_its_model_without_a_network_and_without_a_factory_model(
    tmp_path: Path, new: Path, signing_key: PrivateKey, start: Callable[..., Daemon]
) -> None:
    root = tmp_path / "card"
    (root / "etc").mkdir(parents=True)
    key, config = tmp_path / "works.pub", tmp_path / "line-1.toml"
    key.write_bytes(public_pem(signing_key.public))
    config.write_text(
        '[device]\nid = "line-1"\nstate = "../../var/lib/edge"\n'
        '[source]\nuri = "sim://line?count=30&pace=fast"\n[model]\n'
    )
    words = [new, f"dir://{root}", "--trust", key, "--config-file", config]
    done = subprocess.run([*EDGE, "flash", *map(str, words)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    booted = start(root / "etc" / "edge" / "edge.toml")
    assert booted.report(120)["decided"] == 30
    state = Slots(root / "var/lib/edge/slots").state()
    assert state.held[state.active].version == 2
    assert "colour" in booted.log.read_text()


def test_ctrl_c_says_in_which_state_each_device_is(fleet: Fleet, new: Path) -> None:
    for name in ("line-1", "line-2"):
        slow = fleet.add(name) / "bin" / "edge"
        real = slow.rename(slow.with_name("real"))
        slow.write_text(f'#!/bin/sh\n[ "$2" = receive ] && exec sleep 600\nexec "{real}" "$@"\n')
        slow.chmod(0o755)
    command = fleet.words(new, "line-1", "line-2", "--json", "--parallel", 1)
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=_hear_ctrl_c
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "line-1: sending" in line:
            break
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    results = Flashed(130, out, "").results
    assert {result["result"] for result in results.values()} == {"stopped"}
    assert "it runs colour v1 as before" in results["line-1"]["reason"]
    assert all(runs_factory(fleet.slots(name)) for name in results)
    assert set(results) == {"line-1", "line-2"}


def _hear_ctrl_c() -> None:
    """Whoever runs the tests in a shell's background has it ignored, and children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
