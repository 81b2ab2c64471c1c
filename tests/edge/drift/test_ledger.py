from __future__ import annotations

import random

import pytest

from edge.drift import Ledger, Pane, PaneKey, SlidingWindow
from edge.errors import ArtifactError


@pytest.fixture(scope="module")
def panes(draw) -> list[Pane]:
    reference, now = draw(200, seed=1).reference(), draw(100, seed=2)
    return [now.pane(reference, start, start + 10) for start in range(0, 100, 10)]


def keys() -> list[PaneKey]:
    return [PaneKey(f"line-{i % 2}", "boot", i // 2) for i in range(10)]


def test_repeated_and_late_deliveries_change_nothing(panes: list[Pane], draw) -> None:
    whole = draw(100, seed=2).pane(panes[0].reference)
    deliveries = list(zip(keys(), panes, strict=True)) * 3
    random.Random(0).shuffle(deliveries)
    ledger = Ledger(panes[0].reference)

    counted = sum(ledger.add(key, pane) for key, pane in deliveries)

    assert counted == len(ledger) == 10
    assert ledger.total() == whole
    assert list(ledger) == sorted(keys())


def test_two_ledgers_that_share_panes_merge_into_one(panes: list[Pane]) -> None:
    first, second, both = (Ledger(panes[0].reference) for _ in range(3))
    for ledger, chosen in ((first, range(7)), (second, range(4, 10)), (both, range(10))):
        for i in chosen:
            ledger.add(keys()[i], panes[i])

    assert first.merge(second).total() == second.merge(first).total() == both.total()


def test_one_device_can_be_told_from_the_fleet(panes: list[Pane]) -> None:
    ledger = Ledger(panes[0].reference)
    for key, pane in zip(keys(), panes, strict=True):
        ledger.add(key, pane)

    assert ledger.total(lambda key: key.device == "line-1").n == 50


def test_another_pane_under_a_known_key_is_refused(panes: list[Pane], draw) -> None:
    ledger = Ledger(panes[0].reference)
    ledger.add(keys()[0], panes[0])

    with pytest.raises(ArtifactError, match="two different panes are called line-0 boot 0"):
        ledger.add(keys()[0], panes[1])
    with pytest.raises(ArtifactError, match="two drift references"):
        ledger.add(keys()[1], Pane(draw(200, seed=9).reference()))


def test_a_sliding_window_is_the_sum_of_its_last_panes(panes: list[Pane], draw) -> None:
    now, sliding = draw(100, seed=2), SlidingWindow(panes[0].reference, 3)

    windows = [sliding.add(pane) for pane in panes]

    assert sliding.full
    for last in range(2, 10):
        assert windows[last] == now.pane(panes[0].reference, 10 * last - 20, 10 * last + 10)
    with pytest.raises(ValueError, match="at least one"):
        SlidingWindow(panes[0].reference, 0)
