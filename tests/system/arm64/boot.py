"""``python -m tests.system.arm64.boot``: a provisioned line device boots, judges, loses its power and carries on.

Prints a table of what was found and how long it took; status 1 when something did not hold. Needs root (for the
image, deploy/arm64/image.sh). Times are the emulator's.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from deploy.mosquitto.local import Mosquitto
from edge.device.buffer import Buffer
from edge.monitor import Store
from edge.trust.key_files import public_path, write_pair
from edge.trust.signing import signed
from tests.support.daemon import EDGE, delivered
from tests.support.step_table import Table
from tests.system.arm64.differences import OURS, pack, parts
from tests.system.arm64.guest import IMAGE, PROJECT, Guest

DEVICE = "line-1"
FPS = 2
COMMIT_S = 1.0
PATIENCE_S = 900.0
CONFIG = f"""[device]
id = "{DEVICE}"
state = "/var/lib/edge"
[source]
uri = "sim://line?fps={FPS}"
[sync]
broker = "mqtt://10.0.2.2:%d"
predictions = true
[buffer]
commit_s = {COMMIT_S}
[health]
interval_s = 2.0
"""
MIN_RECORDS = 20
EXPOSURE_MOST = 1.5


def main() -> int:
    table = Table()
    table.timed("image of the provisioned device", make_image)
    with tempfile.TemporaryDirectory(prefix="edge-boot-") as name:
        folder = Path(name)
        with Mosquitto(folder / "broker") as broker:
            store = folder / "monitor.db"
            command = [*EDGE, "monitor", "--broker", broker.url, "--store", str(store), "--json"]
            watching = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                state = make_disks(folder, broker.port)
                first = first_boot(table, state, store)
                second_boot(table, state)
                settled(table, state, folder, store, first)
            finally:
                watching.terminate()
                watching.wait()
    table.row("everything", "did not hold" if table.failed else "held", holds=not table.failed)
    return int(table.failed)


def make_image() -> None:
    done = subprocess.run([PROJECT / "deploy" / "arm64" / "image.sh"], check=False)
    assert done.returncode == 0, "deploy/arm64/image.sh failed"


def make_disks(folder: Path, port: int) -> Path:
    """The configuration into the read-only root; a signed model into the state partition, by ``edge flash dir://``."""
    key = write_pair(folder / "ours.key")
    pack("cookie", *OURS["cookie"], parts(40), folder)
    artifact = folder / "cookie.tflite"
    artifact.write_bytes(signed(artifact.read_bytes(), key))
    config, card = folder / "edge.toml", folder / "card"
    config.write_text(CONFIG % port, "utf-8")
    (card / "etc").mkdir(parents=True)
    words = ["flash", str(artifact), f"dir://{card}", "--trust", str(public_path(folder / "ours.key"))]
    subprocess.run([*EDGE, *words, "--config-file", str(config)], check=True, stdout=subprocess.DEVNULL)
    root = IMAGE / "root.img"
    for request in ("rm /etc/edge/edge.toml", f"write {config} /etc/edge/edge.toml"):
        subprocess.run(["debugfs", "-w", "-R", request, root], check=True, capture_output=True)
    line = next(line for line in (IMAGE / "passwd").read_text().splitlines() if line.startswith("edge:"))
    owner = ":".join(line.split(":")[2:4])
    subprocess.run(["chown", "-R", owner, card / "var/lib/edge"], check=True)
    state = folder / "state.img"
    options = ["-q", "-L", "edge-state", "-E", f"root_owner={owner}", "-d", card / "var/lib/edge"]
    subprocess.run(["mkfs.ext4", *options, state, "128M"], check=True, stdout=subprocess.DEVNULL)
    return state


def boot(table: Table, state: Path, number: int) -> Guest:
    """Until the unit is active, which with Type=notify is READY=1. The console goes to build/arm64/console-N.log."""
    guest = Guest(state, IMAGE.parent / f"console-{number}.log")
    table.timed(f"boot {number}: power on to a root shell", lambda: guest.wait_for_shell(PATIENCE_S))
    active = "systemctl is-active edge"
    table.timed(f"boot {number}: shell to edge.service READY=1", lambda: guest.until(active, r"^active$", PATIENCE_S))
    return guest


def ready(guest: Guest) -> None:
    """AssertionError, with the unit's journal, when it does not come."""
    try:
        guest.until("systemctl is-active edge", r"^active$", PATIENCE_S)
    except AssertionError:
        sys.stderr.write(guest.run("journalctl -u edge -b --no-pager | tail -40") + "\n")
        raise


def first_boot(table: Table, state: Path, store: Path) -> list[tuple[str, int]]:
    """Returns what had been delivered when the power was cut."""
    guest = boot(table, state, 1)
    try:
        table.row("machine", guest.run("uname -srm"))
        sandbox(table, guest)
        active_slot(table, guest, "the active slot, as flashed by dir://")
        table.timed(
            f"{MIN_RECORDS} records at the host's monitor",
            lambda: _assert(len(delivered(store, MIN_RECORDS, PATIENCE_S)) >= MIN_RECORDS),
        )
    finally:
        guest.cut_power()
    found = delivered(store, 0)
    table.row("power cut (qemu killed) while judging; delivered by then", len(found))
    return found


def active_slot(table: Table, guest: Guest, what: str) -> None:
    said = json.loads(guest.run("/opt/edge/venv/bin/edge slots list -c /etc/edge/edge.toml --json"))
    models = {slot["name"]: f"{slot['model']} v{slot['version']}" for slot in said["slots"]}
    table.row(what, f"{said['active']}, {models.get(said['active'], '')}", models.get(said["active"]) == "cookie v1")


def sandbox(table: Table, guest: Guest) -> None:
    """The unit runs as shipped: nothing was left out, and its sandbox is the one that is measured offline."""
    said = guest.run("systemd-analyze security --no-pager edge.service | tail -1")
    exposure = float(next((word for word in said.split() if word.replace(".", "").isdigit()), "10"))
    table.row("systemd-analyze security, in the guest", exposure, exposure <= EXPOSURE_MOST)
    unit = PROJECT / "deploy" / "systemd" / "edge.service"
    digest = guest.run("sha256sum < /etc/systemd/system/edge.service").split()[0]
    shipped = subprocess.run(["sha256sum", unit], check=True, capture_output=True, text=True).stdout.split()[0]
    changed = guest.run("grep -hv -e '^#' -e '^\\[' $(systemctl show -p DropInPaths --value edge)")
    same = digest == shipped and changed == "TimeoutStartSec=30min"
    table.row("the unit is the shipped one, but for its patience", changed, same)
    show = guest.run(
        "grep -E '^(Uid|NoNewPrivs|Seccomp|CapEff)' /proc/$(systemctl show -p MainPID --value edge)/status"
    )
    facts = dict(line.split(":", 1) for line in show.splitlines() if ":" in line)
    held = facts.get("NoNewPrivs", "").strip() == "1" and facts.get("Seccomp", "").strip() == "2"
    powers = int(facts.get("CapEff", "f").strip(), 16)
    table.row("its process: no new privileges, seccomp, no capabilities", " ".join(show.split()), held and not powers)


def second_boot(table: Table, state: Path) -> None:
    guest = boot(table, state, 2)
    try:
        active_slot(table, guest, "the active slot after the cut")
        kept = guest.run("ls /var/lib/edge")
        table.row("no damaged buffer was set aside", " ".join(kept.split()), "damaged" not in kept)
        hang(table, guest)
        stop(table, guest)
        table.timed("orderly power-off", lambda: guest.power_off(PATIENCE_S))
    finally:
        guest.cut_power()


def hang(table: Table, guest: Guest) -> None:
    """A daemon that stands still is killed by the watchdog and judges again."""
    restarts = "systemctl show -p NRestarts --value edge"
    before = int(guest.run(restarts))
    guest.run("kill -STOP $(systemctl show -p MainPID --value edge)")
    table.timed(
        "SIGSTOP to the restart by WatchdogSec=10s",
        lambda: guest.until(restarts, rf"^{before + 1}$", PATIENCE_S),
    )
    table.timed("restart to READY=1", lambda: ready(guest))
    said = guest.run("journalctl -u edge -b --no-pager | grep -ciE 'watchdog'")
    table.row("the journal names the watchdog", f"{said} lines", said != "0")


def stop(table: Table, guest: Guest) -> None:
    """In order, before systemd kills it, and counted as a success."""
    table.timed("systemctl stop edge", lambda: guest.run("systemctl stop edge"))
    result = guest.run("systemctl show -p Result --value edge")
    table.row("which systemd calls", result, result == "success")


def settled(table: Table, state: Path, folder: Path, store: Path, before_cut: list[tuple[str, int]]) -> None:
    """Delivered and kept records together are complete, and nothing that was acknowledged is missing."""
    for name in ("buffer.db", "buffer.db-wal", "buffer.db-shm"):
        subprocess.run(["debugfs", "-R", f"dump /{name} {folder / name}", state], check=True, capture_output=True)
        if not (folder / name).stat().st_size:
            (folder / name).unlink()
    with closing(Buffer(folder / "buffer.db")) as buffer:
        sound = buffer.set_aside is None
        kept = [(boot_id, record.seq) for boot_id, record in buffer.records()]
        pending = buffer.state().pending
    with closing(Store(store)) as opened:
        arrived = [(boot_id, record.seq) for boot_id, record in opened.records(DEVICE)]
    table.row("the buffer is sound", f"{len(kept)} records, {pending} entries to be delivered", sound)
    missing = set(before_cut) - set(arrived)
    table.row("records acknowledged before the cut that are gone", len(missing), not missing)
    table.row("records that arrived twice", len(arrived) - len(set(arrived)), len(arrived) == len(set(arrived)))
    for boot_id in dict.fromkeys(one for one, _ in arrived):
        seqs = sorted({seq for one, seq in {*kept, *arrived} if one == boot_id})
        gaps = seqs != list(range(len(seqs)))
        table.row(f"boot {boot_id[:8]}: delivered and kept together", f"0 … {seqs[-1]}, without a gap", not gaps)


def _assert(holds: bool) -> None:
    assert holds


if __name__ == "__main__":
    sys.exit(main())
