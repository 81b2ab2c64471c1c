"""What a store asks of a database holds of each kind."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.core.package import install_hint
from edge.errors import MissingError, StateError
from edge.monitor.database import Engine, open_engine, upsert
from edge.monitor.database import postgres as module
from edge.monitor.database.postgres import PostgresEngine, without_password

META = ("name", "value")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.system)])
def connect(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Engine]]:
    """Each call is another connection to one database."""
    address = tmp_path / "m.db" if request.param == "sqlite" else request.getfixturevalue("postgres").empty()
    engines: list[Engine] = []

    def make() -> Engine:
        engines.append(open_engine(address))
        return engines[-1]

    yield make
    for engine in engines:
        engine.close()


def names(engine: Engine) -> list[str]:
    return [row[0] for row in engine.query("SELECT name FROM meta WHERE name <> 'schema' ORDER BY name")]


def test_what_is_there_already_is_not_new(connect: Callable[[], Engine]) -> None:
    engine = connect()
    assert engine.insert_new("meta", META, [("a", "1"), ("b", "2"), ("a", "3")]) == [("a", "1"), ("b", "2")]
    many = [(f"n{number:04d}", "x") for number in range(250)]
    assert engine.insert_new("meta", META, [("b", "4"), *many]) == many
    assert engine.query("SELECT value FROM meta WHERE name IN ('a', 'b') ORDER BY name") == [("1",), ("2",)]


def test_what_fails_leaves_nothing_behind(connect: Callable[[], Engine]) -> None:
    engine = connect()
    with pytest.raises(ZeroDivisionError), engine.transaction():
        engine.insert_new("meta", META, [("a", "1")])
        raise ZeroDivisionError
    with pytest.raises(StateError, match="cannot be"), engine.transaction():
        engine.insert_new("meta", META, [("b", "1")])
        engine.execute("INSERT INTO no_such_table VALUES (1)")
    assert names(engine) == []
    with engine.transaction():
        engine.insert_new("meta", META, [("c", "1")])
    assert names(connect()) == ["c"]


def test_writers_take_turns_so_none_loses_what_another_counted(connect: Callable[[], Engine]) -> None:
    first = connect()
    first.insert_new("meta", META, [("n", "0")])

    def count(engine: Engine) -> None:
        for _ in range(20):
            with engine.transaction():
                value = int(engine.query("SELECT value FROM meta WHERE name = 'n'")[0][0])
                engine.executemany(upsert("meta", META), [("n", str(value + 1))])

    threads = [threading.Thread(target=count, args=(engine,)) for engine in (first, connect(), connect())]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert first.query("SELECT value FROM meta WHERE name = 'n'") == [("60",)]


def test_names_are_ordered_alike_whatever_the_servers_language(connect: Callable[[], Engine]) -> None:
    engine = connect()
    engine.insert_new("meta", META, [(name, "") for name in ("b", "Z", "ä", "a", "_", "𝕏")])
    assert names(engine) == ["Z", "_", "a", "b", "ä", "𝕏"]


def test_numbers_of_64_bits_and_none_come_back(connect: Callable[[], Engine]) -> None:
    engine = connect()
    columns = ("boot", "seq", "received_ns", "fps", "captured")
    rows = [(1, 2**63 - 1, 0, 1e308, None), (1, -(2**63), 5, None, 2**40)]
    engine.insert_new("health", columns, rows)
    assert engine.query(f"SELECT {', '.join(columns)} FROM health ORDER BY received_ns") == rows


@pytest.mark.system
def test_a_connection_that_was_cut_is_made_again(postgres: object) -> None:
    engine = PostgresEngine(postgres.empty())  # type: ignore[attr-defined]
    (pid,) = engine.query("SELECT pg_backend_pid()")[0]
    other = PostgresEngine(engine.address)
    other.query("SELECT pg_terminate_backend(CAST(? AS integer))", (pid,))
    with pytest.raises(StateError, match="cannot be read"):
        engine.query("SELECT 1")
    assert engine.query("SELECT 1") == [(1,)]
    engine.close()
    other.close()


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://eva:s3cret@db/fleet", "postgresql://eva:…@db/fleet"),
        ("postgresql://eva@db/fleet?password=s3cret&x=1", "postgresql://eva@db/fleet?password=…&x=1"),
        ("postgresql://db/fleet", "postgresql://db/fleet"),
    ],
)
def test_a_password_is_never_shown(address: str, shown: str) -> None:
    assert without_password(address) == shown


def test_without_psycopg_the_way_out_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    with pytest.raises(MissingError, match=re.escape(install_hint("postgres"))):
        module.PostgresEngine("postgresql://db/fleet")
