"""An activation is cut at every call that changes the disk, in every way: there is always one whole active model."""

from __future__ import annotations

import errno
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edge.device.slots import Slots
from tests.support.disks import Disk
from tests.support.native import compile_library
from tests.system.faults.activation import STEPS, can_go_on, candidate, expected, prepare, view
from tests.system.faults.cutter import Cut, Cutter, cutting
from tests.system.faults.write_log import Operation, after_a_cut, read_log

pytestmark = pytest.mark.system

SHARES = 4
"""Of the calls, so that several processors can take part."""
MAX_CALLS = 1000
MIN_CALLS = 60


@dataclass(frozen=True)
class Place:
    """``artifacts`` are brought in from there; ``begin`` are the slots that each run begins with."""

    artifacts: Path
    begin: Path
    views: list[dict[str, Any]]
    cutter: Cutter

    def check(self, folder: Path, cut: Cut) -> None:
        """The last step that was done holds, and the next one has happened or not."""
        slots = Slots(folder)
        assert view(slots) in self.views[cut.done : cut.done + 2], cut
        can_go_on(slots, self.artifacts)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    artifacts, here = tmp_path_factory.mktemp("artifacts"), tmp_path_factory.mktemp("cuts")
    for version in (1, 2, 3, 4, 9):
        candidate(artifacts, version)
    prepare(Slots(here / "begin"), artifacts)
    views = expected(here)
    assert len({str(seen) for seen in views}) == len(STEPS) + 1
    with cutting(compile_library(Path(__file__).with_name("cut_at.c"), here)) as cutter:
        yield Place(artifacts, here / "begin", views, cutter)


@pytest.mark.parametrize("share", range(SHARES))
def test_killed_at_any_call_the_last_step_has_happened_or_not(place: Place, memory: Path, share: int) -> None:
    for number in range(1 + share, MAX_CALLS, SHARES):
        folder = shutil.copytree(place.begin, memory / str(number))
        cut = place.cutter.cut("k", number, folder, place.artifacts)
        place.check(folder, cut)
        if cut.ended:
            break
    assert cut.done == len(STEPS)
    assert MAX_CALLS > number > MIN_CALLS


@pytest.mark.parametrize("share", range(SHARES))
def test_without_power_from_any_call_on_the_last_step_has_happened_or_not(
    place: Place, make_disk: Callable[..., Disk], share: int
) -> None:
    # Else ext4 itself makes up for a missing fsync before a rename, now and then.
    disk = make_disk(megabytes=8, options="noauto_da_alloc")
    for number in range(1 + share, MAX_CALLS, SHARES):
        folder = shutil.copytree(place.begin, disk.root / str(number))
        subprocess.run(["sync", "-f", folder], check=True)
        cut = place.cutter.cut("p", number, folder, place.artifacts)
        disk.move_on()
        place.check(folder, cut)
        shutil.rmtree(folder)
        if cut.ended:
            break
    assert cut.done == len(STEPS)
    assert MAX_CALLS > number > MIN_CALLS


RECORDER = """
import pathlib, sys
from edge.device.slots import Slots
from tests.system.faults.activation import prepare, run
folder, artifacts = map(pathlib.Path, sys.argv[1:])
slots = Slots(folder / "slots")
prepare(slots, artifacts)
notes = (folder / "done").open("wb", buffering=0)
def note(done):
    notes.seek(0)
    notes.write(bytes([done]))
note(0)
run(slots, artifacts, note)
"""
WAYS = 4
"""In which what was not confirmed may be there, for each moment of the cut."""


@pytest.fixture(scope="module")
def recorded(place: Place, tmp_path_factory: pytest.TempPathFactory) -> list[Operation]:
    here = tmp_path_factory.mktemp("recorded")
    library, root, log = compile_library(Path(__file__).with_name("write_log.c"), here), here / "root", here / "log"
    root.mkdir()
    environment = os.environ | {"LD_PRELOAD": str(library), "WRITE_LOG_ROOT": str(root), "WRITE_LOG": str(log)}
    subprocess.run([sys.executable, "-c", RECORDER, root, place.artifacts], env=environment, check=True)
    return read_log(log)


@pytest.mark.parametrize("share", range(SHARES))
def test_whatever_a_cut_leaves_of_the_unconfirmed_the_last_step_has_happened_or_not(
    place: Place, recorded: list[Operation], memory: Path, share: int
) -> None:
    assert {operation.kind for operation in recorded} == set("cwsur")
    chance, tried = random.Random(share), 0
    begin = next(number for number, operation in enumerate(recorded) if operation.name == "done")
    for until in range(begin + 2 + share, len(recorded) + 1, SHARES):
        operations = recorded[:until]
        done = [operation.data[0] for operation in operations if operation.name == "done" and operation.data][-1]
        for way in range(WAYS):
            folder = memory / f"{until}-{way}"
            after_a_cut([operation for operation in operations if operation.name != "done"], chance, folder)
            place.check(folder / "slots", Cut(False, done, ""))
            shutil.rmtree(folder)
            tried += 1
    assert tried > MIN_CALLS


@pytest.mark.parametrize("share", range(SHARES))
@pytest.mark.parametrize(
    ("mode", "code"), [("f", errno.ENOSPC), ("e", errno.EIO), ("o", errno.EIO)], ids=["full", "dying", "one fault"]
)
def test_a_disk_that_fails_from_any_call_on_is_told_in_a_line_and_leaves_the_step_undone_or_done(
    place: Place, memory: Path, mode: str, code: int, share: int
) -> None:
    failed = 0
    for number in range(1 + share, MAX_CALLS, SHARES):
        folder = shutil.copytree(place.begin, memory / str(number))
        cut = place.cutter.cut(mode, number, folder, place.artifacts)
        place.check(folder, cut)
        if cut.error:
            failed += 1
            assert cut.error.startswith(f"{folder}: not changed ({os.strerror(code)})")
            assert "\n" not in cut.error
        elif cut.done == len(STEPS) and number > MIN_CALLS:
            break
        shutil.rmtree(folder)
    assert failed > MIN_CALLS // SHARES // 2
