"""Alerts are few: one for what happens together, told once, and again only when it has grown or is over."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from edge.monitor.alerting import AlertBook, Notice, Rules, Symptom, SymptomKey
from edge.monitor.alerting.rules import GroupRule, Silence
from edge.monitor.queries.reading import Alert
from edge.monitor.store.store import Store

S = 10**9
RULES = Rules(group=GroupRule(wait_s=0))


@pytest.fixture
def store() -> Store:
    return Store(None)


def book_of(store: Store, rules: Rules = RULES) -> AlertBook:
    return AlertBook(rules, store.put_alert, store.reader().alerts(open_only=True))


def drifting(*numbers: int, lines: int = 1, sites: int = 1) -> dict[SymptomKey, Symptom]:
    return {
        SymptomKey("drift", "blue", f"d{n}"): Symptom(
            f"site-{n % sites}", f"line-{n // sites % lines}", 5 * S, "camera 0"
        )
        for n in numbers
    }


def said(notices: list[Notice]) -> list[tuple[str, str, int]]:
    return [(notice.what, notice.alert.key, len(notice.alert.devices)) for notice in notices]


def test_devices_of_one_line_are_one_alert_that_is_told_once(store: Store):
    book = book_of(store)
    (first,) = book.update(drifting(1, 2, 3), 10 * S)
    assert first.what == "opened" and first.alert.devices == ("d1", "d2", "d3") and first.alert.id > 0
    assert "blue drifts at site-0, line-0 since" in first.alert.text and "d1, d2, d3 (camera 0)" in first.alert.text
    assert book.update(drifting(1, 2, 3), 11 * S) == []
    (last,) = book.update({}, 12 * S)
    assert last.what == "closed" and last.alert.closed_ns == 12 * S
    assert store.reader().alerts(open_only=True) == []


def test_an_alert_is_told_again_when_it_has_doubled(store: Store):
    book = book_of(store)
    book.update(drifting(1, 2), 0)
    assert book.update(drifting(1, 2, 3), S) == []
    assert [notice.what for notice in book.update(drifting(1, 2, 3, 4), 2 * S)] == ["grown"]
    (stored,) = store.reader().alerts(open_only=True)
    assert stored.devices == ("d1", "d2", "d3", "d4")


@pytest.mark.parametrize(("lines", "sites", "count"), [(3, 1, 3), (8, 1, 1), (4, 3, 3), (2, 9, 1)])
def test_a_flood_is_one_alert_of_the_site_or_the_fleet(store: Store, lines: int, sites: int, count: int):
    notices = book_of(store).update(drifting(*range(200), lines=lines, sites=sites), 0)
    assert len(notices) == count
    assert sum(len(notice.alert.devices) for notice in notices) == 200


def test_what_comes_later_joins_the_alert_that_covers_it(store: Store):
    book = book_of(store)
    book.update(drifting(*range(200), lines=8), 0)
    assert book.update(drifting(*range(210), lines=9), S) == []
    assert len(store.reader().alerts()) == 1


def test_an_alert_waits_for_those_that_come_with_it(store: Store):
    book = book_of(store, replace(RULES, group=GroupRule(wait_s=20)))
    assert book.update(drifting(1), 0) == []
    assert book.update(drifting(1, 2), 10 * S) == []
    (notice,) = book.update(drifting(1, 2, 3), 20 * S)
    assert len(notice.alert.devices) == 3


def test_what_is_gone_before_it_was_told_is_never_told(store: Store):
    book = book_of(store, replace(RULES, group=GroupRule(wait_s=20)))
    assert book.update(drifting(1), 0) == []
    assert book.update({}, 30 * S) == []
    assert store.reader().alerts() == []


def test_a_silenced_alert_is_kept_and_not_told(store: Store):
    until = datetime.fromtimestamp(100, UTC)
    rules = replace(RULES, silence=(Silence(kind="drift", site="site-0", until=until),))
    book = book_of(store, rules)
    assert book.update(drifting(1), 50 * S) == []
    assert len(store.reader().alerts(open_only=True)) == 1
    assert [notice.what for notice in book.update({}, 150 * S)] == ["closed"]


def test_a_person_silences_one_alert(store: Store):
    book = book_of(store)
    (notice,) = book.update(drifting(1), 0)
    store.put_alert(replace(notice.alert, silenced_until_ns=100 * S, acknowledged="mira"))
    book.refresh(store.reader().alerts(open_only=True))
    assert book.update(drifting(1, 2, 3), S) == []
    (kept,) = store.reader().alerts()
    assert (kept.acknowledged, kept.silenced_until_ns, len(kept.devices)) == ("mira", 100 * S, 3)


def test_after_a_restart_open_alerts_go_on(store: Store):
    book_of(store).update(drifting(1), 0)
    again = book_of(store)
    assert again.update(drifting(1), S) == []
    assert [notice.what for notice in again.update({}, 2 * S)] == ["closed"]
    assert isinstance(store.reader().alerts()[0], Alert)
