from __future__ import annotations

import signal
import threading
import time
from collections.abc import Sequence

import pytest

from edge.fleet.bundle import Bundle
from edge.fleet.connector import DeployResult, Inspection, Tell
from edge.fleet.parallel import Parallel


class Patient:
    """A target that takes its time until it is told to stop."""

    def __init__(self, name: str) -> None:
        self.target = self.key = name
        self.stopped = threading.Event()

    def look(self, bundle: Bundle | None, tell: Tell) -> Sequence[Inspection]:
        return ()

    def deliver(self, bundle: Bundle, seen: Sequence[Inspection], tell: Tell) -> Sequence[DeployResult]:
        return ()

    def stop(self) -> None:
        self.stopped.set()


@pytest.mark.parametrize("main_thread", [True, False])
def test_ctrl_c_stops_all_whichever_thread_the_signal_comes_to(main_thread: bool) -> None:
    targets = [Patient(name) for name in ("line-1", "line-2", "line-3")]
    crowd = Parallel(targets, 2)
    began = time.monotonic()

    def work(target: object) -> bool:
        assert isinstance(target, Patient)
        if target.target == "line-1":
            time.sleep(0.3)  # until the main thread waits
            # To this thread it does not interrupt what the main thread waits in.
            to = threading.main_thread().ident if main_thread else threading.get_ident()
            assert to is not None
            signal.pthread_kill(to, signal.SIGINT)
        return target.stopped.wait(20)

    assert list(crowd.each(work)) == [True, True, True]
    assert crowd.interrupted
    assert time.monotonic() - began < 10


def test_what_it_waits_for_comes_as_each_is_done() -> None:
    targets = [Patient(str(number)) for number in range(5)]
    crowd = Parallel(targets, 5)
    assert sorted(crowd.each(lambda target: target.target)) == ["0", "1", "2", "3", "4"]
    assert not crowd.interrupted
