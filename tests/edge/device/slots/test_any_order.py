"""Any sequence of operations, of refusals, of restarts and of crashes between two writes keeps the promises."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from unittest.mock import patch

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edge.device.slots import Slots, SlotsState
from edge.errors import StateError
from tests.edge.device.slots.conftest import Artifact

SHARED = Path("/dev/shm")
CALLS = ("write", "fsync", "replace", "unlink", "mkdir", "open")


class PowerCutError(BaseException):
    """Nothing below may catch it: the process is gone."""


class Machine(RuleBasedStateMachine):
    """A model beside it: what the last call that returned promised."""

    @initialize()
    def begin(self) -> None:
        self.place = Path(mkdtemp(dir=SHARED if os.access(SHARED, os.W_OK) else None))
        self.slots = Slots(self.place / "slots")
        self.artifacts = [self.artifact(version) for version in range(1, 5)]
        self.before = self.slots.state()

    def artifact(self, version: int) -> Artifact:
        data = bytes([version]) * 100
        path = self.place / f"{version}.tflite"
        path.write_bytes(data)
        return Artifact(path, "m", version, hashlib.sha256(data).hexdigest(), len(data))

    def teardown(self) -> None:
        if hasattr(self, "place"):
            shutil.rmtree(self.place)

    def allowed(self, change: Callable[[], Any]) -> bool:
        """Whether it was; a refusal changes nothing."""
        self.before = self.slots.state()
        try:
            change()
        except StateError:
            assert self.slots.state() == self.before
            return False
        return True

    @rule(number=st.integers(0, 3))
    def put(self, number: int) -> None:
        artifact = self.artifacts[number]
        active = self.slots.state().active
        if self.allowed(lambda: self.slots.put(artifact.path, artifact)):
            assert self.slots.state().active == active
            assert artifact.sha256 in {held.sha256 for held in self.slots.state().held.values()}

    @rule(name=st.sampled_from("AB"), attempts=st.integers(1, 3))
    def begin_trial(self, name: str, attempts: int) -> None:
        if self.allowed(lambda: self.slots.begin_trial(name, attempts)):
            state = self.slots.state()
            assert (state.trial, state.attempts, state.active) == (name, attempts, self.before.active)

    @precondition(lambda self: self.slots.state().trial)
    @rule()
    def attempt(self) -> None:
        left = self.slots.state().attempts
        assert self.slots.attempt() is (left > 0)
        assert self.slots.state().attempts == max(0, left - 1)

    @precondition(lambda self: self.slots.state().trial)
    @rule()
    def commit(self) -> None:
        tried = self.slots.state().trial
        self.slots.commit()
        assert (self.slots.state().active, self.slots.state().trial) == (tried, "")

    @rule()
    def roll_back(self) -> None:
        if self.allowed(lambda: self.slots.roll_back("x")):
            state = self.slots.state()
            assert state.trial == ""
            assert state.active == (self.before.active if self.before.trial else state.active)
            assert self.before.trial or state.active != self.before.active

    @rule(name=st.sampled_from("AB"), untried=st.booleans())
    def activate(self, name: str, untried: bool) -> None:
        if self.allowed(lambda: self.slots.activate(name, untried=untried)):
            assert self.slots.state().active == name

    @rule()
    def restart(self) -> None:
        state = self.slots.state()
        self.slots = Slots(self.slots.folder)
        assert self.slots.settle() == state

    @rule(
        change=st.sampled_from(["put", "begin_trial", "attempt", "commit", "roll_back", "activate"]),
        number=st.integers(0, 3),
        after=st.integers(0, 20),
    )
    def crash(self, change: str, number: int, after: int) -> None:
        """In the middle of an operation: it has happened or it has not."""
        name, artifact = "AB"[number % 2], self.artifacts[number]
        changes: dict[str, Callable[[Slots], Any]] = {
            "put": lambda slots: slots.put(artifact.path, artifact),
            "begin_trial": lambda slots: slots.begin_trial(name, 2),
            "attempt": lambda slots: slots.attempt(),
            "commit": lambda slots: slots.commit(),
            "roll_back": lambda slots: slots.roll_back("x"),
            "activate": lambda slots: slots.activate(name),
        }
        before, twin = self.slots.state(), self.place / "twin"
        shutil.copytree(self.slots.folder, twin) if self.slots.folder.exists() else None
        whole = _after(Slots(twin), changes[change], before)
        shutil.rmtree(twin, ignore_errors=True)
        _cut(self.slots, changes[change], after)
        self.slots = Slots(self.slots.folder)
        assert _plain(self.slots.state()) in (_plain(before), whole)

    @invariant()
    def one_model_is_active_and_whole(self) -> None:
        if not hasattr(self, "slots"):
            return
        state = self.slots.state()
        assert state.problems == ()
        assert [slot.name for slot in state.slots if slot.state == "active"] == [state.active] * bool(state.active)
        for name, path in state.files.items():
            assert hashlib.sha256(path.read_bytes()).hexdigest() == state.held[name].sha256
        assert state.trial == "" or state.trial != state.active
        assert not state.active or state.held[state.active].mark == "good"
        numbers = [event.number for event in self.slots.history()]
        assert numbers == list(range(1, len(numbers) + 1))


def _cut(slots: Slots, change: Callable[[Slots], Any], after: int) -> None:
    """The process ends before its call number ``after`` of those that change the disk."""
    left = [after]

    def cutting(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            if left[0] <= 0:
                raise PowerCutError
            left[0] -= 1
            return real(*args, **options)

        return call

    patches = [patch(f"os.{name}", cutting(getattr(os, name))) for name in CALLS]
    try:
        for one in patches:
            one.start()
        change(slots)
    except (PowerCutError, StateError):
        pass
    finally:
        for one in patches:
            one.stop()


def _after(slots: Slots, change: Callable[[Slots], Any], before: SlotsState) -> Any:
    try:
        change(slots)
    except StateError:
        return _plain(before)
    return _plain(slots.state())


def _plain(state: SlotsState) -> Any:
    """But for the times."""
    outcome = state.outcome and (state.outcome.version, state.outcome.result)
    return state.active, state.trial, state.attempts, state.slots, outcome


Machine.TestCase.settings = settings(max_examples=12, stateful_step_count=20)
TestAnyOrder = Machine.TestCase
