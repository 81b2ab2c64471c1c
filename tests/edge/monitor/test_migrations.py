"""A store that an earlier edgeline filled: ``tests/data/monitor_v1.sql`` was written by that version itself."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.errors import StateError
from edge.monitor import Arrival, StatisticsSpan, Store
from edge.monitor.database import Engine, insert, migrations, steps
from edge.monitor.database.migrations import VERSION
from edge.monitor.database.postgres import PostgresEngine
from edge.protocol.messages import StatusMessage, encode

WRITTEN = Path(__file__).parents[2] / "data" / "monitor_v1.sql"
START_NS = 1_700_000_000_000_000_000
MINUTE_NS = 60 * 10**9


def old_file(path: Path) -> None:
    db = sqlite3.connect(path)
    db.executescript(WRITTEN.read_text("utf-8"))
    db.close()


def old_tables(engine: Engine) -> None:
    """The same rows in the tables of version 1 in another engine."""
    for step in (steps.FIRST, steps.FIRST_LATER):
        migrations.run_step(engine, step)
    source = sqlite3.connect(":memory:")
    source.executescript(WRITTEN.read_text("utf-8"))
    for (table,) in source.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        rows = source.execute(f"SELECT * FROM {table}")
        columns = [column[0] for column in rows.description]
        engine.executemany(insert(table, columns), rows.fetchall())
        if "id" in columns:
            engine.execute(f"ALTER TABLE {table} ALTER COLUMN id RESTART WITH 1000")
    engine.set_version(1)
    source.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.system)])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        old_file(tmp_path / "monitor.db")
        return str(tmp_path / "monitor.db")
    address: str = request.getfixturevalue("postgres").empty()
    engine = PostgresEngine(address)
    old_tables(engine)
    engine.close()
    return address


@pytest.fixture
def store(old: str) -> Iterator[Store]:
    store = Store(old)
    yield store
    store.close()


def test_all_that_was_stored_is_still_there(store: Store) -> None:
    assert [record.seq for _, record in store.records("oven-3")] == list(range(10))
    assert [store.count(kind, "oven-3") for kind in ("drift", "stats", "event", "audit")] == [6, 5, 1, 1]
    assert store.set_aside() == {"oven-4": 1}
    assert store.client_id == "monitor-1971c02af881"


def test_the_overview_tells_what_the_messages_told(store: Store) -> None:
    rows, total = store.reader().fleet()
    assert (total, [row.device for row in rows]) == (2, ["oven-4", "oven-3"])
    oven = rows[1]
    assert (oven.state, oven.model, oven.version, oven.predictions) == ("online", "cookie", 4, 10)
    assert (oven.fps, oven.p99_us, oven.dropped, oven.pending, oven.temperature_c) == (29.9, 12345, 7, 4, 51.5)
    assert (oven.drifted, oven.feature, oven.statistic) == (True, "brightness", 0.4)
    assert oven.since_ns == START_NS + 3 * MINUTE_NS
    assert oven.window_ns == START_NS + 4 * MINUTE_NS + 59 * 10**9
    assert rows[0].drifted is None


def test_windows_and_events_can_be_read(store: Store) -> None:
    reader = store.reader()
    found = reader.windows("oven-3", StatisticsSpan(camera="camera://0", version=4, since_ns=START_NS + MINUTE_NS))
    assert [(window.seq, window.drifted) for window in found if window.boot_id.startswith("000002")] == [
        (1, True),
        (2, False),
        (3, True),
        (4, True),
    ]
    assert [event.fault for event in reader.events("oven-3")] == ["frozen"]
    assert [one.reason.split(":")[0] for one in reader.set_aside()] == ["health"]


def test_a_boot_that_is_over_stays_over_and_the_next_one_begins(store: Store) -> None:
    past = StatusMessage(device="oven-3", boot_id="000001-bbbbbb", seq=9, state="offline")
    coming = StatusMessage(device="oven-3", boot_id="000003-dddddd", seq=0, state="online", model="pizza")
    assert store.accept([Arrival("edge/v1/oven-3/status", encode(one)) for one in (past, coming, past)]) == [coming]
    detail = store.reader().device("oven-3")
    assert detail is not None
    assert (detail.boot_id, detail.row.state, detail.row.model) == ("000003-dddddd", "online", "pizza")


def test_a_store_is_migrated_once_and_then_left_alone(old: str) -> None:
    Store(old).close()
    store = Store(old)
    assert store.engine.version() == VERSION
    assert store.count("drift", "oven-3") == 6
    store.close()


def test_a_migrated_store_has_the_tables_of_a_new_one(tmp_path: Path) -> None:
    old_file(tmp_path / "old.db")
    shapes = []
    for name in ("old.db", "new.db"):
        store = Store(tmp_path / name)
        tables = [
            row[0] for row in store.engine.query("SELECT name FROM sqlite_master WHERE type IN ('table', 'index')")
        ]
        columns = {
            table: sorted(row[1] for row in store.engine.query(f"PRAGMA table_info({table})")) for table in tables
        }
        shapes.append(columns)
        store.close()
    assert shapes[0] == shapes[1]


def test_a_step_that_fails_leaves_the_store_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "monitor.db"
    old_file(path)
    monkeypatch.setattr(migrations, "SECOND", steps.SECOND + "CREATE TABLE device (oops BIGINT);")
    with pytest.raises(StateError, match="device"):
        Store(path)
    db = sqlite3.connect(path)
    assert db.execute("PRAGMA user_version").fetchone() == (1,)
    assert db.execute("SELECT count(health) FROM device").fetchone() == (1,)
    db.close()
