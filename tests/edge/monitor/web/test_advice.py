"""What to do: look at the device, or at what a line shares."""

from __future__ import annotations

import pytest

from edge.monitor import Filter, Store
from edge.monitor.web.pages import advice
from edge.protocol.messages import Drift, DriftColumn, StatusMessage, Window
from tests.support.monitor_pages import arrival, head


def fill(store: Store, *drifting: str, feature: str = "brightness", others: str = "") -> None:
    """Five devices of a line; ``others`` is what those drift in that are not ``drifting``."""
    for number in range(5):
        name = f"oven-{number}"
        store.accept([arrival(StatusMessage(**head(name, 0), state="online"))])
        column = feature if name in drifting else others
        columns = (DriftColumn(column or "red", "ks", 0.6, 1e-12, 1e-4, bool(column)),)
        window = Window(0, 199, 200, 10**18, 10**18 + 60 * 10**9)
        drift = Drift(**head(name, 1), camera="c", window=window, drifted=bool(column), share=0.5, columns=columns)
        store.accept([arrival(drift)])


def of_device(store: Store, name: str) -> str:
    detail = store.reader().device(name)
    assert detail is not None
    return advice.of_device(store.reader(), detail.row)


@pytest.mark.parametrize("others", ["", "sharpness"])
def test_a_device_that_drifts_alone_is_what_to_look_at(others: str) -> None:
    store = Store()
    fill(store, "oven-3", others=others)
    said = of_device(store, "oven-3")
    assert said.startswith("None of the 4 others on its line drift most in brightness, so look at this device first.")
    assert "lamp" in said
    store.close()


def test_of_a_line_that_drifts_it_is_what_they_share() -> None:
    store = Store()
    fill(store, "oven-1", "oven-2", "oven-3", "oven-4")
    assert of_device(store, "oven-1").startswith("3 of the 4 others on its line drift in brightness too")
    assert of_device(store, "oven-0") == ""
    many = advice.of_many(store.reader(), Filter())
    assert many.startswith("4 of the 5 devices of bakery / line 1 drift, so look for what they share.")
    store.close()


def test_where_no_line_drifts_it_is_the_devices_themselves() -> None:
    store = Store()
    fill(store)
    assert advice.of_many(store.reader(), Filter()) == ""
    fill(store, "oven-3")
    assert advice.of_many(Store().reader(), Filter()) == ""
    store.close()


@pytest.mark.parametrize(
    ("feature", "word"),
    [("sharpness", "lens"), ("blue", "white balance"), ("score:burnt", "labelled"), ("predicted", "labelled")],
)
def test_where_to_look_goes_by_what_drifts(feature: str, word: str) -> None:
    assert word in advice.places(feature)
    assert advice.places("an own feature")
