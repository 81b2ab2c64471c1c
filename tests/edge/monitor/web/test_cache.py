import threading

import pytest

from edge.monitor.web.cache import MOST, ResultCache


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_it_computes_once_until_the_time_is_over() -> None:
    clock, calls = Clock(), iter(range(9))
    memo = ResultCache(30.0, clock)
    assert [memo.get("a", lambda: next(calls)) for _ in range(3)] == [0, 0, 0]
    assert memo.get("b", lambda: next(calls)) == 1
    clock.now = 30.0
    assert memo.get("a", lambda: next(calls)) == 2


def test_a_failure_is_not_kept() -> None:
    memo = ResultCache(30.0)
    with pytest.raises(ZeroDivisionError):
        memo.get("a", lambda: 1 // 0)
    assert memo.get("a", lambda: "fine") == "fine"


def test_of_many_threads_one_computes() -> None:
    memo, calls, found = ResultCache(30.0), [], []
    begun, go = threading.Event(), threading.Event()

    def compute() -> str:
        calls.append(1)
        begun.set()
        assert go.wait(20)
        return "done"

    threads = [threading.Thread(target=lambda: found.append(memo.get("a", compute))) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert begun.wait(20)
    go.set()
    for thread in threads:
        thread.join(20)
    assert (len(calls), found) == (1, ["done"] * 4)


def test_it_forgets_the_oldest() -> None:
    memo = ResultCache(30.0)
    for number in range(MOST + 1):
        memo.get(str(number), lambda: "old")
    assert memo.get("0", lambda: "new") == "new"
    assert memo.get(str(MOST), lambda: "new") == "old"
