"""The device's end of a roll-out, with real slots and real artifacts; only the way they come is made up."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from edge.device.deployment.agent import TRIES, DeploymentAgent
from edge.device.deployment.stream import GoneError, NotWantedError
from edge.device.slots import Slots
from edge.device.slots.install import install
from edge.errors import LinkError
from edge.protocol.desired import Desired
from edge.protocol.transport import IncomingMessage
from edge.trust import Trust
from edge.trust.keys import PrivateKey

PADDING = {"padding.bin": bytes(80_000)}
"""So that an artifact does not come in one piece."""
OWN, GROUP = "edge/v1/d1/desired", "edge/v1/@group/ovens/desired"


@dataclass
class Way:
    """Bytes from a memory, after as many troubles as there are in ``troubles``."""

    data: bytes
    troubles: list[Exception] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    stall: bool = False
    """After the first read nothing comes any more."""

    def __call__(self, desired: Desired, start: int, wanted: Callable[[], bool]) -> Stream:
        self.starts.append(start)
        return Stream(self, start, wanted)


class Stream:
    def __init__(self, way: Way, start: int, wanted: Callable[[], bool]) -> None:
        self._way, self._at, self._wanted, self._first = way, start, wanted, True

    def read(self, size: int, /) -> bytes:
        if self._way.stall and not self._first:
            while self._wanted():
                time.sleep(0.01)
            raise NotWantedError("no longer wanted")
        if not self._wanted():
            raise NotWantedError("no longer wanted")
        if self._way.troubles and not self._first:
            raise self._way.troubles.pop(0)
        data = self._way.data[self._at : self._at + min(size, 10_000)]
        self._at, self._first = self._at + len(data), False
        return data

    def close(self) -> None:
        pass


@dataclass
class Device:
    """A device's slots and agent."""

    slots: Slots
    agent: DeploymentAgent
    way: Way
    desired: Desired

    def want(self, topic: str = OWN, **changes: object) -> Desired:
        desired = replace(self.desired, **changes)  # type: ignore[arg-type]
        self.agent.offer(IncomingMessage(desired.to_json(), topic=topic, retained=True))
        return desired

    def wait(self, fact: Callable[[], object]) -> None:
        until = time.monotonic() + 20
        while not fact():
            assert time.monotonic() < until, self.slots.state()
            time.sleep(0.01)

    def wait_for_trial(self) -> None:
        self.wait(lambda: self.slots.state().trial)

    def outcome(self) -> tuple[str, str, str]:
        self.wait(lambda: self.slots.state().outcome)
        outcome = self.slots.state().outcome
        assert outcome is not None
        return outcome.result, outcome.reason, outcome.request

    @property
    def events(self) -> list[str]:
        return [event.event for event in self.slots.history()]


@pytest.fixture
def device(tmp_path: Path, make_signed: Callable[..., bytes], signing_key: PrivateKey) -> Iterator[Device]:
    """It trusts the session's key; desired is version 2."""
    data = make_signed(version=2, files=PADDING)
    slots, trust, way = Slots(tmp_path / "slots"), Trust(tmp_path / "trust"), Way(data)
    trust.add(signing_key.public)
    agent = DeploymentAgent(
        slots, (OWN, GROUP), way, lambda path, request: install(slots, trust, path, request=request), 0.02
    )
    agent.start()
    desired = Desired("r1", "colour", 2, hashlib.sha256(data).hexdigest(), len(data), 4096)
    yield Device(slots, agent, way, desired)
    agent.stop()


def test_what_is_desired_goes_on_trial(device: Device) -> None:
    device.want()
    device.wait_for_trial()
    state = device.slots.state()
    assert (state.request, state.held[state.trial].version) == ("r1", 2)
    assert device.way.starts == [0]
    assert not list(device.slots.incoming.iterdir())


def test_a_lost_link_is_taken_up_where_it_broke(device: Device) -> None:
    device.way.troubles = [LinkError("broker: lost")] * 5  # more than TRIES: a link that is away is no fault
    device.want()
    device.wait_for_trial()
    assert device.way.starts == sorted(device.way.starts)
    assert device.way.starts[:3] == [0, 10_000, 20_000]


def test_what_is_not_there_is_refused_after_some_tries(device: Device) -> None:
    device.way.troubles = [GoneError("broker: chunk 0 is not there")] * 99
    device.want()
    assert device.outcome() == ("refused", "broker: chunk 0 is not there", "r1")
    assert len(device.way.starts) == TRIES


def test_damage_is_fetched_anew_and_then_refused(device: Device) -> None:
    device.want(sha256="00" * 32)
    result, reason, _ = device.outcome()
    assert result == "refused"
    assert "not those that its name promises" in reason
    assert device.way.starts == [0] * TRIES


def test_what_may_not_run_here_is_refused_and_does_not_lie_about(
    device: Device, make_signed: Callable[..., bytes]
) -> None:
    data = device.way.data = make_signed(version=2, key=PrivateKey.new(), files=PADDING)
    device.want(sha256=hashlib.sha256(data).hexdigest(), size=len(data))
    result, reason, request = device.outcome()
    assert (result, request) == ("refused", "r1")
    assert reason.startswith("signed by the unknown key")
    device.wait(lambda: not list(device.slots.incoming.iterdir()))


def test_what_failed_is_not_tried_again_but_for_a_new_roll_out(device: Device) -> None:
    device.want()
    device.wait_for_trial()
    device.slots.roll_back("too slow")
    device.want()  # as after each connection
    device.want(id="r1", version=3)
    time.sleep(0.1)
    assert device.events.count("trial") == 1
    device.want(id="r2")
    device.wait_for_trial()
    assert device.slots.state().request == "r2"


def test_what_runs_already_is_not_fetched(device: Device) -> None:
    device.want()
    device.wait_for_trial()
    device.slots.commit()
    device.want(id="r2")
    time.sleep(0.1)
    assert len(device.way.starts) == 1


def test_an_installation_that_was_cut_off_before_its_trial_is_gone_on_with(
    device: Device, tmp_path: Path, make_signed: Callable[..., bytes]
) -> None:
    from edge.trust import admit

    path = tmp_path / "new.tflite"
    path.write_bytes(device.way.data)
    device.slots.put(path, admit(path, Trust(tmp_path / "trust")), request="r1")
    device.want()
    device.wait_for_trial()


def test_it_waits_for_the_end_of_another_trial(
    device: Device, tmp_path: Path, make_signed: Callable[..., bytes]
) -> None:
    other = tmp_path / "other.tflite"
    other.write_bytes(make_signed(version=1))
    install(device.slots, Trust(tmp_path / "trust"), other, request="by hand")
    device.want()
    time.sleep(0.1)
    assert device.way.starts == []
    device.slots.commit()
    device.wait(lambda: device.slots.state().request == "r1")


def test_its_own_topic_counts_before_its_group_s(device: Device) -> None:
    device.way.stall = True
    device.want(GROUP, id="group")
    device.want(OWN, id="own")
    assert device.agent.wanted is not None
    assert device.agent.wanted.id == "own"
    device.agent.offer(IncomingMessage(b"", topic=OWN))
    assert device.agent.wanted.id == "group"
    device.agent.offer(IncomingMessage(b"{", topic=GROUP))
    assert device.agent.wanted is None


def test_what_is_taken_back_is_not_fetched_to_the_end(device: Device) -> None:
    device.way.stall = True
    device.want()
    device.wait(lambda: any(path.stat().st_size == 10_000 for path in device.slots.incoming.glob("*.part")))
    device.agent.offer(IncomingMessage(b"", topic=OWN))
    device.way.stall = False
    time.sleep(0.1)
    assert device.events == []
    device.want(id="r2")
    device.wait_for_trial()
    assert device.way.starts == [0, 10_000]


def test_a_full_disk_is_the_reason(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through a limit on the size of files, which is what a quota looks like."""
    import resource
    import signal

    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        device.want()
        result, reason, _ = device.outcome()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert result == "refused"
    assert "no room for" in reason
