"""``edge flash … dir://``: into a root folder, for the first boot."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.device.config import load_config
from edge.device.slots import Slots
from edge.errors import ConfigError
from edge.trust import Trust
from edge.trust.keys import PrivateKey

CUTS = """
import os, shutil, sys
from pathlib import Path
from edge.cli.main import main
import edge.fleet.deploy, edge.fleet.sdcard.connector  # once for all that follow

def begin(work):
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = work()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

def flash(root):
    return main([word.replace("CARD", str(root)) for word in sys.argv[2:]])

def cut(root, left):
    def counted(real):
        def call(*args):
            nonlocal left
            if not left:
                os._exit(9)
            left -= 1
            return real(*args)
        return call
    os.fsync, os.replace = counted(os.fsync), counted(os.replace)
    return flash(root)

card, number, status = Path(sys.argv[1]), 0, 9
while status == 9:
    tried, again = (card.with_name(f"{card.name}-{number}-{name}") for name in ("cut", "again"))
    shutil.copytree(card, tried, symlinks=True)
    status = begin(lambda: cut(tried, number))
    shutil.copytree(tried, again, symlinks=True)
    assert begin(lambda: flash(again)) == 0
    number += 1
assert status == 0
"""
"""Ends ``edge flash`` without a word at its first fsync or rename, then at its second, …, each time on a fresh copy
of the card, which is left as it was found then (``-cut``) and after a second run (``-again``).
"""

Flash = Callable[..., tuple[int, str, str]]


def words(artifact: Path, card: Path, config: Path, key: Path) -> list[object]:
    return [artifact, f"dir://{card}", "--config-file", config, "--trust", key]


def active(card: Path, state: str = "var/lib/edge") -> tuple[str, int]:
    """Slot and version of the model that the device will run; what lies in the slot was looked at."""
    slots = Slots(card / state / "slots").state()
    return slots.active, slots.held[slots.active].version if slots.active else 0


def test_a_card_has_all_that_the_first_boot_needs(
    flash: Flash, card: Path, new_config: Path, public_key: Path, signed_artifact: Path, signing_key: PrivateKey
) -> None:
    status, out, err = flash(*words(signed_artifact, card, new_config, public_key))
    assert status == 0, out + err
    assert "installed" in out
    assert "active from the first boot" in out
    assert load_config(card / "etc" / "edge" / "edge.toml").device.id == "line-7"
    assert Trust(card / "var/lib/edge/trust").key_ids() == (signing_key.id,)
    assert active(card) == ("A", 2)
    slot = Slots(card / "var/lib/edge/slots").state()
    assert slot.files["A"].read_bytes() == signed_artifact.read_bytes()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_root_writes_belongs_to_the_daemons_user_of_the_card(
    flash: Flash, card: Path, new_config: Path, public_key: Path, signed_artifact: Path
) -> None:
    assert flash(*words(signed_artifact, card, new_config, public_key))[0] == 0
    state = card / "var/lib/edge"
    owners = {(path.stat().st_uid, path.stat().st_gid) for path in (state, *state.rglob("*"))}
    assert owners == {(990, 991)}


def test_a_second_run_has_nothing_to_do_and_a_newer_model_takes_over(
    flash: Flash,
    card: Path,
    new_config: Path,
    public_key: Path,
    signed_artifact: Path,
    make_signed: Callable[..., bytes],
) -> None:
    flash(*words(signed_artifact, card, new_config, public_key))
    status, out, _ = flash(*words(signed_artifact, card, new_config, public_key), "--json")
    assert (status, json.loads(out)["result"]) == (0, "unchanged")
    signed_artifact.write_bytes(make_signed(version=3))
    status, out, _ = flash(signed_artifact, f"dir://{card}", "--json")
    found = json.loads(out)
    assert (status, found["before"]["version"], found["after"]["version"]) == (0, 2, 3)
    assert active(card) == ("B", 3)


def test_check_says_what_is_on_the_card_and_writes_nothing(
    flash: Flash, card: Path, new_config: Path, public_key: Path, signed_artifact: Path
) -> None:
    flash(*words(signed_artifact, card, new_config, public_key))
    before = {path: path.stat().st_mtime_ns for path in card.rglob("*")}
    status, out, _ = flash("--check", f"dir://{card}")
    assert status == 0
    assert "colour v2" in out
    assert "line-7" in out
    assert {path: path.stat().st_mtime_ns for path in card.rglob("*")} == before


def test_links_on_the_card_lead_to_the_card(
    flash: Flash, card: Path, new_config: Path, public_key: Path, signed_artifact: Path
) -> None:
    (card / "data" / "edge").mkdir(parents=True)
    (card / "var/lib/edge").symlink_to("/data/edge")
    assert flash(*words(signed_artifact, card, new_config, public_key))[0] == 0
    assert active(card, "data/edge") == ("A", 2)


def test_a_state_folder_beside_the_configuration_is_found(
    flash: Flash, card: Path, new_config: Path, public_key: Path, signed_artifact: Path
) -> None:
    new_config.write_text(new_config.read_text().replace("/var/lib/edge", "state"))
    assert flash(*words(signed_artifact, card, new_config, public_key), "--config", "/home/pi/edge.toml")[0] == 0
    assert active(card, "home/pi/state") == ("A", 2)


def test_a_state_folder_that_another_partition_will_hide_is_refused(
    flash: Flash, card: Path, new_config: Path, public_key: Path, signed_artifact: Path
) -> None:
    (card / "etc" / "fstab").write_text("LABEL=state /var/lib/edge ext4 defaults 0 2\n")
    status, out, _ = flash(*words(signed_artifact, card, new_config, public_key))
    assert (status, "mount it there here, too" in out) == (11, True)
    assert not (card / "var/lib/edge").exists()


def without_key(line: list[object]) -> list[object]:
    return line[:-2]


def without_config(line: list[object]) -> list[object]:
    return [*line[:2], *line[4:]]


@pytest.mark.parametrize(
    ("change", "says"),
    [(without_key, "this device trusts none"), (without_config, "give one with --config-file")],
)
def test_what_the_device_would_refuse_is_not_put_on_the_card(
    flash: Flash,
    card: Path,
    new_config: Path,
    public_key: Path,
    signed_artifact: Path,
    change: Callable[[list[object]], list[object]],
    says: str,
) -> None:
    before = sorted(card.rglob("*"))
    status, out, _ = flash(*change(words(signed_artifact, card, new_config, public_key)))
    assert status == 11
    assert says in out
    assert sorted(card.rglob("*")) == before


def test_an_unsigned_model_and_one_of_another_key_are_refused(
    flash: Flash, card: Path, new_config: Path, public_key: Path, artifact: Path, make_signed: Callable[..., bytes]
) -> None:
    status, out, _ = flash(*words(artifact, card, new_config, public_key))
    assert (status, "sign it with 'edge keys sign'" in out) == (11, True)
    artifact.write_bytes(make_signed(key=PrivateKey.new()))
    status, out, _ = flash(*words(artifact, card, new_config, public_key))
    assert (status, "this device trusts" in out) == (11, True)


def test_a_model_for_another_machine_is_refused_where_the_card_tells_its_own(
    flash: Flash, card: Path, new_config: Path, public_key: Path, artifact: Path, make_signed: Callable[..., bytes]
) -> None:
    program = card / "usr" / "bin" / "env"
    program.parent.mkdir(parents=True)
    program.write_bytes(b"\x7fELF\x02\x01" + bytes(12) + b"\xb7\x00")
    artifact.write_bytes(make_signed(hardware=("x86_64",)))
    status, out, _ = flash(*words(artifact, card, new_config, public_key))
    assert (status, "this device is aarch64" in out) == (11, True)
    artifact.write_bytes(make_signed(hardware=("aarch64",)))
    assert flash(*words(artifact, card, new_config, public_key))[0] == 0


def test_a_configuration_that_is_there_is_never_replaced(
    flash: Flash, card: Path, new_config: Path, public_key: Path, signed_artifact: Path
) -> None:
    own = card / "etc" / "edge" / "edge.toml"
    own.parent.mkdir()
    own.write_text(new_config.read_text().replace("line-7", "line-8"))
    status, out, _ = flash(*words(signed_artifact, card, new_config, public_key))
    assert (status, "differs from" in out) == (11, True)
    assert load_config(own).device.id == "line-8"


def test_a_folder_that_is_no_root_is_refused(flash: Flash, tmp_path: Path, signed_artifact: Path) -> None:
    status, out, _ = flash(signed_artifact, f"dir://{tmp_path}")
    assert status == 11
    assert "it has no etc/" in out


def test_a_key_that_is_none_is_refused_before_anything_is_looked_at(
    flash: Flash, card: Path, new_config: Path, signed_artifact: Path
) -> None:
    status, out, err = flash(*words(signed_artifact, card, new_config, new_config))
    assert (status, out) == (ConfigError.exit_status, "")
    assert "expected an Ed25519 key" in err


@pytest.mark.system
def test_a_cut_anywhere_leaves_what_a_second_run_completes(
    flash: Flash,
    card: Path,
    new_config: Path,
    public_key: Path,
    signed_artifact: Path,
    make_signed: Callable[..., bytes],
) -> None:
    """Ended at each point where something becomes durable or gets its name: of a new card, then of one in use."""
    for version in (2, 3):
        signed_artifact.write_bytes(make_signed(version=version))
        before, line = active(card), words(signed_artifact, Path("CARD"), new_config, public_key)
        command = [sys.executable, "-c", CUTS, str(card), "flash", *map(str, line)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        found = sorted(card.parent.glob(f"{card.name}-*-cut"))
        assert len(found) > 10
        for cut in found:
            assert active(cut) == before or active(cut)[1] == version
            again = cut.with_name(cut.name.replace("-cut", "-again"))
            assert active(again)[1] == version
        flash(*words(signed_artifact, card, new_config, public_key))
        for folder in card.parent.glob(f"{card.name}-*"):
            shutil.rmtree(folder)
