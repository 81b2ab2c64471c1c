"""The slots of a device: what each operation leaves, and what is refused."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edge.device.slots import Slots
from edge.device.slots.lock import changing, installing
from edge.device.slots.table import decode, encode
from edge.errors import StateError
from tests.edge.device.slots.conftest import Artifact

Put = Callable[[int], str]


def states(slots: Slots) -> dict[str, tuple[int, str]]:
    return {slot.name: (slot.version, slot.state) for slot in slots.state().slots}


def test_a_device_begins_with_its_factory_model_and_looking_makes_nothing(slots: Slots) -> None:
    state = slots.state()
    assert (state.active, state.trial, state.outcome, state.problems) == ("", "", None, ())
    assert states(slots) == {"A": (0, "empty"), "B": (0, "empty")}
    assert slots.stamp() == ()
    assert slots.history() == []
    assert slots.settle() == state
    assert not slots.folder.exists()


def test_what_is_put_is_a_candidate_in_a_file_of_its_own(slots: Slots, make: Callable[..., Artifact]) -> None:
    artifact = make(1)
    name = slots.put(artifact.path, artifact, source="pi@desk")
    state = slots.state()
    assert states(slots)[name] == (1, "candidate")
    assert state.active == ""
    assert state.files[name].read_bytes() == artifact.path.read_bytes()
    assert state.held[name].source == "pi@desk"


def test_a_committed_trial_is_active_and_what_was_active_stays_good(slots: Slots, commit: Put) -> None:
    first, second = commit(1), commit(2)
    assert {first, second} == {"A", "B"}
    assert states(slots) == {first: (1, "good"), second: (2, "active")}
    outcome = slots.state().outcome
    assert outcome is not None
    assert (outcome.version, outcome.result, outcome.reason) == (2, "committed", "")


def test_a_trial_that_is_rolled_back_leaves_the_active_one_and_says_why(slots: Slots, commit: Put, put: Put) -> None:
    first = commit(1)
    second = put(2)
    slots.begin_trial(second, 3, "roll-out 7")
    slots.roll_back("p99 of 80 ms\nis over the deadline of 50 ms")
    assert states(slots) == {first: (1, "active"), second: (2, "bad")}
    outcome = slots.state().outcome
    assert outcome is not None
    assert (outcome.result, outcome.request) == ("rolled back", "roll-out 7")
    assert outcome.reason == "p99 of 80 ms is over the deadline of 50 ms"
    assert slots.state().held[second].reason == outcome.reason


def test_a_commit_is_of_the_model_that_was_judged_and_of_no_other(slots: Slots, put: Put) -> None:
    """A person may stop a trial and begin another one between two looks of the daemon."""
    name = put(1)
    slots.begin_trial(name)
    judged = slots.state().held[name].sha256
    slots.roll_back("by hand")
    slots.begin_trial(put(2))
    with pytest.raises(StateError, match="another model is on trial there by now"):
        slots.commit(judged)
    assert slots.state().active == ""
    slots.commit(slots.state().held[slots.state().trial].sha256)
    assert slots.state().active


def test_attempts_are_counted_down_and_then_refused(slots: Slots, put: Put) -> None:
    slots.begin_trial(put(1), attempts=2)
    assert [slots.attempt(), slots.attempt(), slots.attempt(), slots.attempt()] == [True, True, False, False]
    assert slots.state().attempts == 0


def test_without_a_trial_a_rollback_leaves_the_active_slot_for_the_other_and_then_for_the_factory_model(
    slots: Slots, commit: Put
) -> None:
    first, second = commit(1), commit(2)
    slots.roll_back("rejects good parts")
    assert states(slots) == {first: (1, "active"), second: (2, "bad")}
    slots.roll_back("this one, too")
    assert slots.state().active == ""
    with pytest.raises(StateError, match="factory model runs"):
        slots.roll_back("again")


def test_a_good_slot_is_activated_without_writing_its_file_again(slots: Slots, commit: Put) -> None:
    first, second = commit(1), commit(2)
    before = {name: path.stat().st_ino for name, path in slots.state().files.items()}
    slots.activate(first)
    assert states(slots) == {first: (1, "active"), second: (2, "good")}
    assert {name: path.stat().st_ino for name, path in slots.state().files.items()} == before


def test_a_candidate_is_activated_only_where_it_is_said_that_it_is_untried(slots: Slots, put: Put) -> None:
    name = put(1)
    with pytest.raises(StateError, match="never tried"):
        slots.activate(name)
    slots.activate(name, untried=True)
    assert slots.state().active == name


@pytest.mark.parametrize("times", range(2, 7))
def test_a_new_artifact_never_goes_where_the_active_one_is(slots: Slots, commit: Put, times: int) -> None:
    for version in range(1, times):
        active = slots.state().active
        assert commit(version) != active
        assert len(list(slots.folder.glob("*/*"))) <= 2


def test_what_was_rolled_back_is_overwritten_before_what_is_good(slots: Slots, commit: Put, put: Put) -> None:
    first, second = commit(1), commit(2)
    slots.roll_back("bad")
    slots.roll_back("bad, too")
    third = put(3)
    slots.activate(third, untried=True)
    slots.roll_back("and this")
    assert {first, second} == {"A", "B"}
    fourth = put(4)
    assert states(slots)[fourth] == (4, "candidate")


def test_an_artifact_that_is_there_already_is_not_written_again_and_may_be_tried_anew(slots: Slots, put: Put) -> None:
    name = put(1)
    slots.begin_trial(name)
    slots.roll_back("too slow")
    inode = slots.state().files[name].stat().st_ino
    with pytest.raises(StateError, match=r"slot . is bad \(too slow\)"):
        slots.begin_trial(name)
    assert put(1) == name
    assert slots.state().files[name].stat().st_ino == inode
    slots.begin_trial(name)
    assert slots.state().trial == name


@pytest.mark.parametrize("move", ["put", "begin_trial", "activate"])
def test_nothing_else_is_begun_during_a_trial(slots: Slots, put: Put, move: str) -> None:
    name = put(1)
    slots.begin_trial(name)
    begin = {
        "put": lambda: put(2),
        "begin_trial": lambda: slots.begin_trial(name),
        "activate": lambda: slots.activate(name),
    }
    with pytest.raises(StateError, match=f"slot {name} is on trial"):
        begin[move]()
    assert states(slots)[name] == (1, "trial")


@pytest.mark.parametrize(
    ("move", "message"),
    [
        (lambda slots: slots.begin_trial("A"), "slot A is empty"),
        (lambda slots: slots.activate("B"), "slot B is empty"),
        (lambda slots: slots.activate("C"), "slot 'C': expected A or B"),
        (lambda slots: slots.attempt(), "no slot is on trial"),
        (lambda slots: slots.commit(), "no slot is on trial"),
        (lambda slots: slots.roll_back("x"), "factory model runs"),
    ],
)
def test_a_move_that_makes_no_sense_says_so(slots: Slots, move: Callable[[Slots], object], message: str) -> None:
    with pytest.raises(StateError, match=re.escape(message)):
        move(slots)
    assert slots.history() == []


def test_the_artifact_must_be_the_one_that_was_admitted(
    slots: Slots, make: Callable[..., Artifact], commit: Put
) -> None:
    commit(1)
    artifact = make(2)
    artifact.path.write_bytes(b"something else")
    with pytest.raises(StateError, match="changed since it was checked"):
        slots.put(artifact.path, artifact)
    assert sorted(version for version, _ in states(slots).values()) == [0, 1]
    assert len(list(slots.folder.glob("[AB]/*"))) + len(list(slots.folder.glob("[AB]/.*"))) == 1


def test_what_was_received_in_the_folder_for_it_is_moved_and_not_copied(
    slots: Slots, make: Callable[..., Artifact]
) -> None:
    artifact = make(1)
    slots.incoming.mkdir(parents=True)
    received = slots.incoming / "part"
    received.write_bytes(artifact.path.read_bytes())
    inode = received.stat().st_ino
    name = slots.put(received, artifact)
    assert slots.state().files[name].stat().st_ino == inode
    assert not received.exists()


def test_progress_is_reported_in_bytes(slots: Slots, make: Callable[..., Artifact]) -> None:
    artifact, told = make(3, size=1 << 20), []
    slots.put(artifact.path, artifact, report=lambda done, size: told.append((done, size)))
    assert told == [(1 << 20, 3 << 20), (2 << 20, 3 << 20), (3 << 20, 3 << 20)]


def test_leftovers_of_an_interrupted_put_are_removed(slots: Slots, commit: Put) -> None:
    name = commit(1)
    for leftover in (slots.folder / name / ".x.tflite.partial", slots.folder / name / f"{'0' * 64}.tflite"):
        leftover.write_bytes(b"half")
    slots.settle()
    assert list(slots.folder.glob("[AB]/*")) == [slots.state().files[name]]


def test_the_stamp_is_another_one_after_each_change(slots: Slots, put: Put) -> None:
    name, stamps = put(1), []
    for change in (lambda: slots.begin_trial(name), slots.attempt, slots.commit, lambda: slots.roll_back("x")):
        stamps.append(slots.stamp())
        change()
    assert len({*stamps, slots.stamp()}) == 5
    assert slots.stamp() == Slots(slots.folder).stamp()


def test_another_change_is_waited_for_and_another_installation_refused(slots: Slots, put: Put) -> None:
    name = put(1)
    with changing(slots.folder):
        waiting = threading.Thread(target=slots.begin_trial, args=(name,))
        waiting.start()
        waiting.join(0.05)
        assert waiting.is_alive()
        assert slots.state().trial == ""
    waiting.join()
    assert slots.state().trial == name
    slots.roll_back("x")
    with installing(slots.folder), pytest.raises(StateError, match="another installation is under way"):
        put(2)


def test_a_change_that_never_ends_is_told(slots: Slots, put: Put) -> None:
    put(1)
    with (
        changing(slots.folder),
        pytest.raises(StateError, match="does not end; try again"),
        changing(slots.folder, wait_s=0.0),
    ):
        raise AssertionError("unreachable")


def test_a_newer_pointer_file_is_left_alone(slots: Slots, put: Put) -> None:
    put(1)
    pointer = slots.folder / "state.json"
    kept = decode(pointer.read_bytes())
    assert kept is not None
    line = encode(replace(kept, schema=2))
    pointer.write_bytes(line)
    with pytest.raises(StateError, match="newer edgeline"):
        slots.settle()
    assert pointer.read_bytes() == line


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path, make: Callable[..., Artifact]) -> None:
    (tmp_path / "file").write_text("")
    artifact = make(1)
    with pytest.raises(StateError, match="not changed"):
        Slots(tmp_path / "file" / "slots").put(artifact.path, artifact)
