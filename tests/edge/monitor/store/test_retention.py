"""What is old is forgotten, and what was forgotten is not new again."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from edge.drift.pane import Pane
from edge.errors import ConfigError
from edge.monitor import Arrival, StatisticsSpan, Store
from edge.monitor.store.keeping import format_duration, parse_duration
from edge.monitor.store.retention import BUSY_SHARE, RECORDS, SHARE, Keep, Retention
from edge.monitor.store.rolling import WINDOWS
from edge.protocol.messages import (
    BufferDepth,
    Drift,
    EventMessage,
    Health,
    Latency,
    Message,
    Predictions,
    Window,
    encode,
    kind_of,
)
from edge.protocol.record import Record
from edge.protocol.topics import PER_MODEL, topic
from tests.support.panes import MINUTE_NS, START_NS, count, make_reference, samples, window

DAY_NS = 24 * 3600 * 10**9
HEAD: dict[str, Any] = {"device": "oven-3", "boot_id": "b1", "model": "cookie"}
REFERENCE = make_reference(n=200)


def forget(store: Store, now_ns: int, **keep: float | None) -> int:
    """All that there is to do at that time, with everything else kept for ever; the number of steps it took."""
    nothing = {field.name: None for field in dataclasses.fields(Keep)}
    retention, steps = Retention(store.engine, Keep(**nothing | keep)), 0
    while retention.step(now_ns):
        steps += 1
        assert steps < 1000
    return steps


def arrival(message: Message, received_ns: int) -> Arrival:
    kind = kind_of(message)
    address = topic("edge", message.device, kind, message.model if kind in PER_MODEL else "")
    return Arrival(address, encode(message), received_ns)


def predictions(first: int, count: int, received_ns: int) -> Arrival:
    records = tuple(Record(seq, 0, 0, 5, 0.5, 0, 0) for seq in range(first, first + count))
    return arrival(Predictions(**HEAD, seq=first, labels=("good",), records=records), received_ns)


def health(seq: int, received_ns: int, fps: float = 30.0) -> Arrival:
    message = Health(
        **HEAD,
        seq=seq,
        captured=seq,
        decided=seq,
        dropped={"late": seq},
        latency_us=Latency(1000 + seq, 2, 3, 4),
        rate_fps=fps,
        buffer=BufferDepth(0, seq, 0, 0),
        rss_bytes=1,
        uptime_s=1.0,
    )
    return arrival(message, received_ns)


def panes(store: Store, sizes: list[int], gap_ns: int = MINUTE_NS, device: str = "oven-3") -> Pane:
    """A window for each size, ``gap_ns`` apart; what they add up to."""
    rng, total = np.random.default_rng(4), None
    for seq, size in enumerate(sizes):
        pane = count(REFERENCE, samples(rng, size), seq * 1000)
        total = pane if total is None else total.merge(pane)
        store.accept(window(device, seq, pane, start_ns=START_NS + seq * gap_ns))
    assert total is not None
    return total


def merged(store: Store, span: StatisticsSpan = StatisticsSpan()) -> Pane | None:  # noqa: B008
    found = store.reader().merged(span=span)
    return found[0].pane if found else None


def test_statistics_are_added_up_to_hours_and_days_and_nothing_of_them_is_lost(store: Store) -> None:
    store.add_reference(REFERENCE.to_bytes())
    total = panes(store, [20] * 12, gap_ns=20 * MINUTE_NS)  # four hours
    two_hours = merged(store, StatisticsSpan(since_ns=START_NS, until_ns=START_NS + 120 * MINUTE_NS))
    forget(store, START_NS + 2 * DAY_NS, statistics=3600)
    assert store.engine.query("SELECT count(*), sum(windows) FROM pane") == [(4, 12)]
    assert merged(store) == total
    assert merged(store, StatisticsSpan(since_ns=START_NS, until_ns=START_NS + 120 * MINUTE_NS)) == two_hours
    forget(store, START_NS + 9 * DAY_NS, statistics=3600, hours=86400)
    assert store.engine.query("SELECT span_ns, sum(windows) FROM pane GROUP BY span_ns") == [(DAY_NS, 12)]
    assert merged(store) == total
    forget(store, START_NS + 9 * DAY_NS, days=86400)
    assert merged(store) is None


def test_a_window_that_comes_late_is_added_to_its_hour(store: Store) -> None:
    store.add_reference(REFERENCE.to_bytes())
    total = panes(store, [20, 20])
    forget(store, START_NS + DAY_NS, statistics=3600)
    late = count(REFERENCE, samples(np.random.default_rng(8), 15), 9000)
    store.accept(window("oven-3", 7, late, start_ns=START_NS + 7 * MINUTE_NS))
    assert merged(store) == total.merge(late)
    forget(store, START_NS + DAY_NS, statistics=3600)
    assert store.engine.query("SELECT windows FROM pane") == [(3,)]
    assert merged(store) == total.merge(late)


@pytest.mark.parametrize("windows_s", [None, 3600])
def test_a_window_that_was_added_up_and_comes_again_is_not_counted_twice(
    store: Store, windows_s: float | None
) -> None:
    store.add_reference(REFERENCE.to_bytes())
    total = panes(store, [20, 20])
    forget(store, START_NS + DAY_NS, statistics=3600, windows=windows_s)
    assert store.count("drift", "oven-3") == (2 if windows_s is None else 0)
    panes(store, [20, 20])
    forget(store, START_NS + DAY_NS, statistics=3600)
    assert merged(store) == total
    assert store.engine.query("SELECT windows FROM pane") == [(2,)]


def test_without_the_reference_statistics_wait_for_it(store: Store) -> None:
    total = panes(store, [20, 20])
    forget(store, START_NS + DAY_NS, statistics=3600)
    assert store.engine.query("SELECT count(*) FROM pane") == [(0,)]
    store.add_reference(REFERENCE.to_bytes())
    assert merged(store) == total
    forget(store, START_NS + DAY_NS, statistics=3600)
    assert store.engine.query("SELECT windows FROM pane") == [(2,)]


def test_an_hour_that_is_not_over_is_left_alone(store: Store) -> None:
    store.add_reference(REFERENCE.to_bytes())
    panes(store, [20, 20])
    forget(store, START_NS + 90 * MINUTE_NS, statistics=3600)
    assert store.engine.query("SELECT count(*) FROM pane") == [(0,)]


def test_records_are_forgotten_run_by_run_and_stay_forgotten(store: Store) -> None:
    runs = [predictions(0, 7000, START_NS), predictions(7000, 10, START_NS + DAY_NS)]
    store.accept(runs)
    assert forget(store, START_NS + DAY_NS, predictions=3600) >= 2  # a long run in parts
    assert [record.seq for _, record in store.records("oven-3")] == list(range(7000, 7010))
    assert store.accept(runs) == []
    assert store.count("predictions", "oven-3") == 10


def test_health_becomes_means_of_ten_minutes(store: Store) -> None:
    store.accept([health(seq, START_NS + seq * MINUTE_NS, fps=float(seq)) for seq in range(30)])
    forget(store, START_NS + DAY_NS, health=3600)
    points = store.reader().health("oven-3")
    assert [(point.fps, point.p50_us, point.decided, point.pending) for point in points] == [
        (4.5, 1004.5, 9, 9),
        (14.5, 1014.5, 19, 19),
        (24.5, 1024.5, 29, 29),
    ]
    assert store.accept([health(3, START_NS)]) == []
    assert len(store.reader().health("oven-3")) == 3
    forget(store, START_NS + 9 * DAY_NS, trends=86400)
    assert store.reader().health("oven-3") == []


def test_events_and_windows_go_with_their_time_and_what_a_device_does_now_stays(store: Store) -> None:
    event = EventMessage(**HEAD, seq=0, camera="c", fault="frozen", active=True, since_ns=START_NS)
    drift = Drift(**HEAD, seq=0, window=Window(0, 1, 2, START_NS, START_NS), drifted=True, share=1.0)
    arrivals = [arrival(message, START_NS) for message in (event, drift)]
    store.accept(arrivals)
    forget(store, START_NS + DAY_NS, events=3600, windows=3600)
    assert (store.count("event", "oven-3"), store.count("drift", "oven-3")) == (0, 0)
    assert store.reader().fleet()[0][0].drifted
    assert store.accept(arrivals) == []


def test_what_is_kept_for_ever_is_kept(store: Store) -> None:
    store.accept([health(0, START_NS), predictions(0, 5, START_NS)])
    assert forget(store, START_NS + 10_000 * DAY_NS) == 0
    assert store.count("predictions", "oven-3") == 5


def test_a_step_is_small(store: Store) -> None:
    store.add_reference(REFERENCE.to_bytes())
    panes(store, [5] * (WINDOWS + 5), gap_ns=10**9)
    store.accept(predictions(first, 4000, START_NS) for first in range(0, 3 * 4000, 4000))
    Retention(store.engine, Keep(statistics=60, predictions=60)).step(START_NS + DAY_NS)
    assert store.engine.query("SELECT count(*) FROM stats WHERE rolled = 1") == [(WINDOWS,)]
    assert store.count("predictions", "oven-3") == 3 * 4000 - RECORDS


def test_where_there_is_nothing_to_do_it_does_not_look_again_at_once(store: Store) -> None:
    retention = Retention(store.engine, Keep(predictions=3600))
    assert not retention.work()
    store.accept([predictions(0, 5, START_NS)])
    assert not any(retention.work() for _ in range(1000))
    assert store.count("predictions", "oven-3") == 5


@pytest.mark.parametrize(("busy", "share"), [(False, SHARE), (True, BUSY_SHARE)])
def test_it_takes_no_more_than_its_share_of_the_time(
    store: Store, monkeypatch: pytest.MonkeyPatch, busy: bool, share: float
) -> None:
    now, steps = 0.0, 0
    retention = Retention(store.engine, clock=lambda: now)

    def step(_: int) -> bool:
        nonlocal now, steps
        now, steps = now + 0.1, steps + 1
        return True

    monkeypatch.setattr(retention, "step", step)
    while now < 100.0:
        if not retention.work(busy=busy):
            now += 0.01
    assert steps * 0.1 / now == pytest.approx(share, rel=0.1)


@pytest.mark.parametrize(
    ("text", "seconds"), [("7d", 7 * 86400), ("12h", 43200), ("30min", 1800), ("5s", 5), ("forever", None)]
)
def test_durations_are_written_as_people_do(text: str, seconds: float | None) -> None:
    assert parse_duration(text, "--keep-windows") == seconds
    assert format_duration(seconds) == text


@pytest.mark.parametrize("text", ["", "7", "d", "-1d", "7 d", "1y", "1e9d", "9999999999d"])
def test_other_durations_are_refused_with_the_way_out(text: str) -> None:
    with pytest.raises(ConfigError, match=r"--keep-windows: expected a time such as 7d, 12h, 30min or forever"):
        parse_duration(text, "--keep-windows")
