"""Both kinds of store: what holds of one holds of the other."""

from collections.abc import Iterator

import pytest

from edge.monitor import Store


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.system)])
def address(request: pytest.FixtureRequest) -> str | None:
    """Of a new store: in memory, or in a real server."""
    if request.param == "sqlite":
        return None
    empty: str = request.getfixturevalue("postgres").empty()
    return empty


@pytest.fixture
def store(address: str | None) -> Iterator[Store]:
    store = Store(address)
    yield store
    store.close()
