"""Model slots on real small file systems that are full or fail: what is active stays, and the way back is open."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edge.cli.main import main
from edge.device.slots import Slots
from edge.errors import StateError
from tests.support.disks import Disk, fill_up, use_up_inodes
from tests.system.faults.activation import put, view

pytestmark = pytest.mark.system


@pytest.fixture
def disk(make_disk: Callable[..., Disk]) -> Disk:
    return make_disk(megabytes=8, inodes=64)


@pytest.fixture
def slots(disk: Disk, tmp_path: Path) -> Slots:
    """Version 1 is active."""
    slots = Slots(disk.root / "slots")
    slots.begin_trial(put(slots, tmp_path, 1))
    slots.commit()
    return slots


def test_a_full_disk_takes_no_new_model_keeps_the_active_one_and_the_next_one_fits_when_there_is_room(
    disk: Disk, slots: Slots, tmp_path: Path
) -> None:
    before, files = view(slots), sorted(slots.folder.rglob("*"))
    filler = fill_up(disk)
    with pytest.raises(StateError, match=r"^[^\n]*not changed \(No space left on device\)[^\n]*$"):
        put(slots, tmp_path, 2)
    assert view(slots) == before
    assert [path for path in sorted(slots.folder.rglob("*")) if path.is_file()] == [
        path for path in files if path.is_file()
    ]
    filler.unlink()
    slots.begin_trial(put(slots, tmp_path, 2))
    slots.commit()
    assert slots.state().held[slots.state().active].version == 2


@pytest.mark.parametrize("way", ["roll back", "used up", "commit"])
def test_a_trial_ends_on_a_full_disk_too(disk: Disk, slots: Slots, tmp_path: Path, way: str) -> None:
    slots.begin_trial(put(slots, tmp_path, 2), attempts=1)
    fill_up(disk)
    assert slots.attempt()
    if way == "used up":
        assert not slots.attempt()
    slots.commit() if way == "commit" else slots.roll_back("crash loop")
    expected = view(slots)
    disk.unmount()
    disk.mount()
    again = Slots(slots.folder)
    assert view(again) == expected
    assert again.state().held[again.state().active].version == (2 if way == "commit" else 1)


def test_without_inodes_nothing_changes(disk: Disk, slots: Slots, tmp_path: Path) -> None:
    before = view(slots)
    files = use_up_inodes(disk)
    with pytest.raises(StateError, match="No space left on device"):
        put(slots, tmp_path, 2)
    assert view(slots) == before
    for file in files:
        file.unlink()
    put(slots, tmp_path, 2)


@pytest.mark.parametrize("fault", ["error", "read only", "power"])
def test_a_disk_that_fails_changes_nothing_and_all_is_there_when_it_is_mounted_again(
    disk: Disk, slots: Slots, tmp_path: Path, fault: str
) -> None:
    before = view(slots)
    if fault == "read only":
        disk.remount("ro")
    elif fault == "error":
        disk.remount("errors=remount-ro")
        disk.trigger_error()
    else:
        disk.cut_power()
    with pytest.raises(StateError, match=r"^[^\n]+$"):
        put(slots, tmp_path, 2)
    disk.unmount()
    disk.repair()
    disk.mount()
    assert view(slots) == before
    put(slots, tmp_path, 2)


def test_a_person_gets_one_line_on_a_full_disk(
    disk: Disk,
    artifact: Path,
    write_config: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = write_config(state=f"{disk.root}/state", extra="[slots]\nrequire_signature = false\n")
    (disk.root / "state").mkdir()
    fill_up(disk)
    assert main(["slots", "install", str(artifact), "-c", str(config)]) == 6
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "No space left on device" in err
