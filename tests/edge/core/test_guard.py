"""Threads that die: said, rescued, begun anew."""

from __future__ import annotations

import logging
import re
import threading
from pathlib import Path

import pytest

import edge
from edge.core.guard import LONGEST_PAUSE_S, STEADY_S, Deaths, GuardedThread, watch_all_threads


class Work:
    """Raises what it is given, one after another, then returns."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors = list(errors)
        self.begun = 0

    def __call__(self) -> None:
        self.begun += 1
        if self.errors:
            raise self.errors.pop(0)


def run(work: Work, *, again: bool = True, deaths: Deaths | None = None) -> tuple[list[BaseException], list[float]]:
    """What its rescue was called with, and its pauses."""
    rescued: list[BaseException] = []
    pauses: list[float] = []
    thread = GuardedThread(
        work, "gate", rescue=rescued.append, again=again, deaths=deaths or Deaths(), sleep=pauses.append
    )
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
    return rescued, pauses


def test_whatever_kind_of_exception_it_dies_of_it_is_rescued_and_begins_anew() -> None:
    errors = [OSError("x"), RuntimeError("y"), SystemExit(3), KeyboardInterrupt(), MemoryError()]
    work = Work(*errors)
    rescued, pauses = run(work)
    assert rescued == errors
    assert work.begun == 6
    assert pauses == sorted(pauses) and len(set(pauses)) == 5, "each pause is longer than the one before"


def test_it_never_waits_longer_than_it_may() -> None:
    _, pauses = run(Work(*[ValueError()] * 40))
    assert max(pauses) == LONGEST_PAUSE_S


def test_work_that_returns_has_ended_in_order() -> None:
    deaths, work = Deaths(), Work()
    assert run(work, deaths=deaths) == ([], [])
    assert (work.begun, deaths.problems()) == (1, ())


def test_one_that_does_not_begin_anew_is_rescued_and_ends() -> None:
    work = Work(ValueError("x"), ValueError("y"))
    rescued, pauses = run(work, again=False)
    assert (len(rescued), work.begun, pauses) == (1, 1, [])


def test_a_rescue_that_fails_is_said_and_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def fail(error: BaseException) -> None:
        raise OSError("no rescue")

    work = Work(ValueError("x"))
    thread = GuardedThread(work, "gate", rescue=fail, deaths=Deaths(), sleep=lambda _: None)
    thread.start()
    thread.join(10)
    assert work.begun == 2
    assert "its rescue failed" in caplog.text


def test_a_death_is_logged_with_its_traceback_and_a_problem_for_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    deaths = Deaths(lambda: now[0])
    run(Work(ValueError("x\ny"), ValueError("z")), deaths=deaths)
    assert deaths.problems() == ("thread gate: died 2 times, last of ValueError: z; the log has the traceback",)
    [first, _] = [record for record in caplog.records if record.levelno == logging.CRITICAL]
    assert first.message == "thread gate died of ValueError: x y; it begins anew"
    assert first.exc_info
    now[0] = STEADY_S
    assert deaths.problems() == ()
    run(Work(ValueError("x")), deaths=deaths)
    assert "died 1 times" in deaths.problems()[0], "what was long ago counts no more"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_the_death_of_a_librarys_thread_is_noted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    deaths = Deaths()
    watch_all_threads(deaths)
    thread = threading.Thread(target=Work(ValueError("x")), name="paho")
    thread.start()
    thread.join()
    assert deaths.problems()[0].startswith("thread paho: died 1 times")


def test_every_thread_of_daemon_and_monitor_is_guarded() -> None:
    folder = Path(edge.__file__).parent
    bare = re.compile(r"(?<!Guarded)Thread\(")
    assert [path.name for path in folder.rglob("*.py") if bare.search(path.read_text("utf-8"))] == []
