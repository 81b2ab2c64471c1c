"""What a page asks, answered alike by both kinds of store."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from edge.errors import StateError
from edge.monitor import Arrival, Filter, StatisticsSpan, Store, open_reader
from edge.monitor.queries.reading import Alert, Sort
from edge.protocol.messages import (
    BufferDepth,
    Drift,
    DriftColumn,
    EventMessage,
    Health,
    Identity,
    Latency,
    Message,
    StatusMessage,
    Window,
    encode,
    kind_of,
)
from edge.protocol.topics import PER_MODEL, topic

START_NS = 1_700_000_000_000_000_000
MINUTE_NS = 60 * 10**9
IDENTITY = Identity("oven-3", "Köln", "2", "b1", "cookie", 4, ())
LIGHT = DriftColumn("brightness", "ks", 0.4, 1e-9, 1e-4, drifted=True)
HUE = DriftColumn("hue", "ks", 0.7, 1e-12, 1e-4, drifted=True)
CALM = DriftColumn("sharpness", "ks", 0.05, 0.6, 1e-4, drifted=False)


def put(store: Store, *messages: Message, at_ns: int = START_NS) -> int:
    """How many were new."""
    arrivals = []
    for message in messages:
        kind = kind_of(message)
        address = topic("edge", message.device, kind, message.model if kind in PER_MODEL else "")
        arrivals.append(Arrival(address, encode(message), at_ns))
    return len(store.accept(arrivals))


def head(device: str = "oven-3", seq: int = 0, **changes: Any) -> dict[str, Any]:
    return IDENTITY.head(seq) | {"device": device} | changes


def status(device: str, state: str = "online", **changes: Any) -> StatusMessage:
    return StatusMessage(**head(device, **changes), state=state)  # type: ignore[arg-type]


def health(device: str, seq: int = 0, fps: float = 30.0, **changes: Any) -> Health:
    counts: dict[str, Any] = {"captured": 9, "decided": 8, "dropped": {"late": 1}, "rss_bytes": 1}
    depth, latency = BufferDepth(0, seq, 0, 0), Latency(1, 2, 3000, 4)
    return Health(
        **head(device, seq, **changes), **counts, latency_us=latency, rate_fps=fps, buffer=depth, uptime_s=1
    )


def window(device: str, seq: int, *columns: DriftColumn, camera: str = "c", **changes: Any) -> Drift:
    start_ns = START_NS + seq * MINUTE_NS
    drifted = any(column.drifted for column in columns)
    span = Window(seq, seq, 100, start_ns, start_ns + MINUTE_NS - 1)
    fields = head(device, seq, **changes)
    return Drift(**fields, camera=camera, window=span, drifted=drifted, share=0.5, columns=columns, kind="data")


@pytest.fixture
def fleet(store: Store) -> Store:
    """Six ovens on three lines; two of them drift, one is away."""
    for number in range(6):
        site, line = ("Köln", "Ulm")[number % 2], str(number % 3)
        place = {"site": site, "line": line, "version": number}
        del place["version"]
        put(store, status(f"oven-{number}", "offline" if number == 5 else "online", **place), at_ns=START_NS + number)
        put(store, health(f"oven-{number}", fps=float(number), **place), at_ns=START_NS + number)
        columns = {1: (LIGHT, CALM), 2: (HUE, LIGHT)}.get(number, (CALM,))
        put(store, window(f"oven-{number}", 0, *columns, **place), at_ns=START_NS + number)
    return store


def names(store: Store, where: Filter = Filter(), sort: Sort = "device", **options: Any) -> list[str]:  # noqa: B008
    return [row.device[-1] for row in store.reader().fleet(where, sort, **options)[0]]


@pytest.mark.parametrize(
    ("where", "found"),
    [
        (Filter(), "012345"),
        (Filter(site="Köln"), "024"),
        (Filter(site="Ulm", line="2"), "5"),
        (Filter(state="offline"), "5"),
        (Filter(drifted=True), "12"),
        (Filter(drifted=False, site="Köln"), "04"),
        (Filter(feature="hue"), "2"),
        (Filter(model="cookie", version=4), "012345"),
        (Filter(version=5), ""),
        (Filter(text="OVEN-3"), "3"),
        (Filter(text="ulm"), "135"),
        (Filter(text="_"), ""),
        (Filter(seen_before_ns=START_NS + 2), "01"),
        (Filter(devices=("oven-1", "oven-4", "nobody")), "14"),
        (Filter(devices=()), ""),
    ],
)
def test_filters_choose_devices(fleet: Store, where: Filter, found: str) -> None:
    rows, total = fleet.reader().fleet(where, "device")
    assert "".join(row.device[-1] for row in rows) == found
    assert total == len(found)
    assert fleet.reader().summary(where).devices == total
    assert sum(one.devices for one in fleet.reader().models(where)) == total


def test_pages_are_cut_from_one_order(fleet: Store) -> None:
    assert names(fleet, sort="place") == ["0", "4", "2", "3", "1", "5"]
    assert names(fleet, sort="fps", descending=True, limit=2) == ["5", "4"]
    assert names(fleet, sort="fps", limit=2, offset=4) == ["4", "5"]
    assert names(fleet, sort="drift", limit=2) == ["2", "1"]
    assert names(fleet, sort="state", limit=1) == ["5"]


def test_what_is_not_known_comes_last(fleet: Store) -> None:
    put(fleet, status("new"))
    for descending in (False, True):
        assert names(fleet, sort="fps", descending=descending)[-1] == "w"
        assert names(fleet, sort="drift", descending=descending)[-1] == "w"


def test_a_summary_counts_by_site_line_and_feature(fleet: Store) -> None:
    summary = fleet.reader().summary()
    assert (summary.devices, summary.online, summary.offline, summary.drifted) == (6, 5, 1, 2)
    assert [(site.name, site.devices, site.drifted, site.offline) for site in summary.sites] == [
        ("Köln", 3, 1, 0),
        ("Ulm", 3, 1, 1),
    ]
    assert len(summary.lines) == 6
    assert [(one.name, one.devices) for one in summary.features] == [("brightness", 1), ("hue", 1)]


def test_a_device_in_detail(fleet: Store) -> None:
    put(fleet, window("oven-2", 1, CALM, camera="d"))
    detail = fleet.reader().device("oven-2")
    assert detail is not None
    assert (detail.boot_id, detail.row.feature, detail.row.statistic) == ("b1", "hue", 0.7)
    assert detail.health == health("oven-2", fps=2.0, site="Köln", line="2")
    assert [(watch.camera, watch.drifted, watch.columns) for watch in detail.watches] == [
        ("c", True, (HUE, LIGHT)),
        ("d", False, (CALM,)),
    ]
    assert fleet.reader().device("nobody") is None


def test_a_device_drifts_while_any_of_its_cameras_does(store: Store) -> None:
    put(store, status("oven-3"), window("oven-3", 0, LIGHT, camera="a"), window("oven-3", 1, CALM, camera="b"))
    (row,), _ = store.reader().fleet()
    assert (row.drifted, row.feature, row.since_ns) == (True, "brightness", START_NS)
    put(store, window("oven-3", 2, CALM, camera="a"))
    (row,), _ = store.reader().fleet()
    assert (row.drifted, row.feature, row.since_ns) == (False, "sharpness", None)


def test_windows_come_oldest_first_and_page_by_page(store: Store) -> None:
    put(store, *(window("oven-3", seq, CALM) for seq in range(7)))
    reader = store.reader()
    last = reader.windows("oven-3", limit=3)
    assert [one.seq for one in last] == [4, 5, 6]
    before = reader.windows("oven-3", limit=3, before=(last[0].start_ns, last[0].seq))
    assert [one.seq for one in before] == [1, 2, 3]
    assert [one.seq for one in reader.windows("oven-3", StatisticsSpan(since_ns=START_NS + 5 * MINUTE_NS))] == [5, 6]
    assert reader.windows("oven-3", StatisticsSpan(camera="other")) == []
    assert last[0].columns == (CALM,)


def test_health_is_thinned_for_drawing(store: Store) -> None:
    for seq in range(10):
        put(store, health("oven-3", seq, fps=float(seq)), at_ns=START_NS + seq * MINUTE_NS)
    points = store.reader().health("oven-3", points=5)
    assert [(point.fps, point.pending) for point in points] == [(0.5, 1), (2.5, 3), (4.5, 5), (6.5, 7), (8.5, 9)]
    assert len(store.reader().health("oven-3", START_NS, START_NS + 3 * MINUTE_NS)) == 3


def test_events_come_newest_first(store: Store) -> None:
    for seq in range(3):
        put(
            store,
            EventMessage(**head(f"oven-{seq}", seq), camera="c", fault="frozen", active=True, since_ns=START_NS),
            at_ns=START_NS + seq,
        )
    assert [one.device for one in store.reader().events(limit=2)] == ["oven-2", "oven-1"]
    assert [one.device for one in store.reader().events("oven-0")] == ["oven-0"]


def test_what_comes_again_or_late_does_not_change_what_is_said_of_now(store: Store) -> None:
    first, second = status("oven-3", seq=1), status("oven-3", "offline", seq=2)
    assert put(store, first, second) == 2
    assert put(store, first, health("oven-3", 5, fps=5.0), health("oven-3", 4, fps=4.0)) == 2  # the late one is kept
    reboot = status("oven-3", boot_id="b2", model="pizza")
    assert put(store, reboot, second, health("oven-3", 6, fps=6.0)) == 2
    (row,), _ = store.reader().fleet()
    assert (row.state, row.model, row.fps) == ("online", "pizza", 5.0)
    assert len(store.reader().health("oven-3")) == 3


def test_alerts_are_opened_changed_and_found(store: Store) -> None:
    times = {"opened_ns": 5, "changed_ns": 5}
    first = store.put_alert(
        Alert(key="drift:2", kind="drift", severity="warning", devices=("oven-1", "o%_!"), **times)
    )
    second = store.put_alert(
        Alert(key="quiet", kind="quiet", severity="error", devices=("oven",), opened_ns=6, changed_ns=6)
    )
    assert first.id != second.id != 0
    reader = store.reader()
    assert reader.alerts() == [second, first]
    closed = store.put_alert(
        Alert(
            id=first.id,
            key="drift:2",
            kind="drift",
            severity="warning",
            devices=first.devices,
            opened_ns=5,
            changed_ns=7,
            closed_ns=7,
            acknowledged="Eva",
        )
    )
    assert reader.alerts(open_only=True) == [second]
    assert reader.alerts(device="o%_!") == [closed]
    assert reader.alerts(device="oven") == [second]


def test_a_reader_sees_what_another_connection_stores(tmp_path: Path) -> None:
    store = Store(tmp_path / "monitor.db")
    reader = open_reader(tmp_path / "monitor.db")
    put(store, status("oven-3"))
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(reader.fleet()[1])) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [1] * 8
    with pytest.raises(StateError, match="cannot be written"):
        reader._engine.execute("DELETE FROM device")
    reader.close()
    store.close()


def test_a_reader_makes_no_store(tmp_path: Path) -> None:
    with pytest.raises(StateError, match=r"monitor\.db"):
        open_reader(tmp_path / "monitor.db")
    assert not (tmp_path / "monitor.db").exists()


def test_no_query_of_all_devices_asks_for_each_of_them(fleet: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    ask = fleet.engine.query

    def query(sql: str, values: Any = ()) -> Any:
        asked.append(sql)
        return ask(sql, values)

    monkeypatch.setattr(fleet.engine, "query", query)
    reader = fleet.reader()
    reader.fleet(), reader.summary(), reader.models()
    assert len(asked) == 5
