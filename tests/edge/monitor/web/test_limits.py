from edge.monitor.web.limits import MAX_CALLERS, RequestLimit


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_is_let_through_and_then_one_at_a_time() -> None:
    clock = Clock()
    limit = RequestLimit(2.0, 3, clock)
    assert [limit.wait_s("a") for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    clock.now = 0.5
    assert limit.wait_s("a") == 0.0
    assert limit.wait_s("a") > 0.0


def test_one_caller_does_not_slow_another() -> None:
    limit = RequestLimit(1.0, 1, Clock())
    assert limit.wait_s("a") == 0.0
    assert limit.wait_s("a") > 0.0
    assert limit.wait_s("b") == 0.0


def test_it_remembers_a_bounded_number_of_callers() -> None:
    limit = RequestLimit(1.0, 1, Clock())
    for number in range(MAX_CALLERS + 1):
        limit.wait_s(str(number))
    assert len(limit._callers) == MAX_CALLERS
    assert limit.wait_s("0") == 0.0
