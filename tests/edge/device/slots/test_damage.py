"""Files that a worn card has damaged: there is always one active model that is whole."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.device.slots import Slots
from edge.device.slots.table import decode

Put = Callable[[int], str]


def flip(path: Path, at: int = 0) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 0x40
    path.write_bytes(data)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-2])


damages = pytest.mark.parametrize("damage", [flip, truncate, Path.unlink], ids=["flipped", "truncated", "gone"])


@damages
def test_a_damaged_active_slot_gives_way_to_the_other_good_one_and_says_so(
    slots: Slots, commit: Put, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    first, second = commit(1), commit(2)
    damage(slots.state().files[second])
    state = slots.state()
    assert state.active == first
    assert state.problems == (f"slot {second}: its file is damaged or gone",)
    with caplog.at_level(logging.ERROR):
        assert slots.settle().problems == ()
    assert f"slot {second}: its file is damaged or gone" in caplog.text
    assert slots.state().active == first
    assert [(event.event, event.slot) for event in slots.history()][-1] == ("damaged", second)


@damages
def test_with_both_damaged_the_factory_model_runs(slots: Slots, commit: Put, damage: Callable[[Path], None]) -> None:
    commit(1), commit(2)
    for path in slots.state().files.values():
        damage(path)
    assert slots.state().active == slots.settle().active == ""
    name = commit(3)
    assert slots.state().files[name].stat().st_size == 3000


def test_a_damaged_candidate_ends_its_trial(slots: Slots, commit: Put, put: Put) -> None:
    first = commit(1)
    second = put(2)
    slots.begin_trial(second, request="roll-out 3")
    flip(slots.state().files[second])
    state = slots.settle()
    assert (state.active, state.trial) == (first, "")
    assert state.outcome is not None
    assert (state.outcome.result, state.outcome.request) == ("rolled back", "roll-out 3")


def test_a_look_at_damage_writes_nothing(slots: Slots, commit: Put) -> None:
    name = commit(1)
    flip(slots.state().files[name])
    before = (slots.folder / "state.json").read_bytes(), (slots.folder / "history.jsonl").read_bytes()
    assert slots.state().active == ""
    assert before == ((slots.folder / "state.json").read_bytes(), (slots.folder / "history.jsonl").read_bytes())


@damages
def test_without_its_pointer_file_a_device_knows_from_the_history_what_was_active(
    slots: Slots, commit: Put, damage: Callable[[Path], None]
) -> None:
    commit(1)
    second = commit(2)
    damage(slots.folder / "state.json")
    assert slots.state().active == second
    assert "damaged" in slots.state().problems[0]
    assert slots.settle().active == second
    assert slots.state().problems == ()
    numbers = [event.number for event in slots.history()]
    assert numbers == list(range(1, len(numbers) + 1))


def test_any_flipped_byte_of_the_pointer_file_is_noticed(slots: Slots, commit: Put) -> None:
    commit(1)
    line = (slots.folder / "state.json").read_bytes()
    assert decode(line) is not None
    for at in range(len(line) - 1):
        for bit in (0x01, 0x20, 0x80):
            assert decode(line[:at] + bytes([line[at] ^ bit]) + line[at + 1 :]) is None


def test_a_trial_whose_pointer_file_is_damaged_is_over(slots: Slots, commit: Put, put: Put) -> None:
    first = commit(1)
    second = put(2)
    slots.begin_trial(second)
    flip(slots.folder / "state.json")
    state = slots.settle()
    assert (state.active, state.trial) == (first, "")
    assert {slot.name: slot.state for slot in state.slots} == {first: "active", second: "bad"}


def test_without_pointer_file_and_history_the_factory_model_runs_and_the_slots_can_be_filled(
    slots: Slots, commit: Put
) -> None:
    commit(1)
    flip(slots.folder / "state.json")
    flip(slots.folder / "history.jsonl")
    (slots.folder / "history.jsonl").write_bytes(b"\x00\xff{}\n[]\n")
    assert slots.state().active == ""
    assert slots.state().active == slots.settle().active
    name = commit(2)
    assert slots.state().active == name
    assert len(list(slots.folder.glob("[AB]/*"))) == 1


def test_damaged_and_torn_lines_of_the_history_are_passed_over_and_swallow_no_other(
    slots: Slots, commit: Put
) -> None:
    commit(1)
    path = slots.folder / "history.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[1] = lines[1].replace(b'"trial"', b'"trail"')
    path.write_bytes(b"".join(lines[:-1]) + lines[-1][:-40])
    assert [event.number for event in slots.history()] == [1, 3, 4]
    slots.roll_back("x")
    assert [event.number for event in slots.history()] == [1, 3, 4, 5]


def test_an_event_that_a_cut_kept_from_the_history_is_added_with_the_next_one(slots: Slots, commit: Put) -> None:
    commit(1)
    path = slots.folder / "history.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    assert [event.event for event in slots.history()] == ["installed", "trial", "attempt", "committed"]
    slots.roll_back("x")
    assert [event.number for event in slots.history()] == [1, 2, 3, 4, 5]


def test_the_history_keeps_to_its_limit_and_to_the_newest(
    slots: Slots, commit: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.device.slots.history.MAX_BYTES", 8000)
    sizes = []
    for version in range(1, 7):
        commit(version)
        sizes.append((slots.folder / "history.jsonl").stat().st_size)
    assert 4000 < max(sizes) < 8000 + 1000
    numbers = [event.number for event in slots.history()]
    assert numbers == list(range(numbers[0], 25))
    assert numbers[0] > 1


def test_a_history_that_cannot_be_written_stops_no_rollback(
    slots: Slots, commit: Put, caplog: pytest.LogCaptureFixture
) -> None:
    first = commit(1)
    commit(2)
    path = slots.folder / "history.jsonl"
    path.unlink()
    path.mkdir()
    with pytest.raises(OSError, match="not changed"):
        slots.roll_back("x")
    path.rmdir()
    slots.roll_back("x")
    assert slots.state().active == first
