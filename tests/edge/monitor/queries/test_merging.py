"""Merged statistics are those of the pooled raw data."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.drift.encoding.wire import encode_pane
from edge.drift.univariate.grid import step
from edge.drift.univariate.samples import ks_2samp
from edge.drift.univariate.wasserstein import wasserstein
from edge.drift.watch.verdict import judge
from edge.monitor import Filter, StatisticsSpan, Store
from edge.monitor.queries.panes import MAX_SAMPLES
from edge.protocol.messages import Stats, encode
from tests.support.panes import DIGEST, MINUTE_NS, START_NS, count, make_reference, samples, window

REFERENCE = make_reference()


def fill(store: Store, sizes: Sequence[tuple[int, int]], seed: int = 1, shift: float = 0.0) -> list[np.ndarray]:
    """A window for each (device, size); the raw features, pooled."""
    rng, pooled = np.random.default_rng(seed), []
    for seq, (device, size) in enumerate(sizes):
        data = samples(rng, size, shift)
        pooled.append(data[0])
        store.accept(window(f"oven-{device}", seq, count(REFERENCE, data, seq * 1000)))
    return pooled


@settings(max_examples=15)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 60)), min_size=1, max_size=8),
    st.integers(0, 2**31),
    st.floats(-2, 2),
)
def test_of_any_devices_and_windows_they_equal_the_pooled_raw_data(
    sizes: list[tuple[int, int]], seed: int, shift: float
) -> None:
    store = Store()
    store.add_reference(REFERENCE.to_bytes(), "cookie", 4)
    raw = np.concatenate(fill(store, sizes, seed, shift)).astype(np.float32).astype(np.float64)
    (merged,) = store.reader().merged()
    assert merged.pane is not None
    assert merged.verdict is not None
    assert (merged.devices, merged.windows) == (len({device for device, _ in sizes}), len(sizes))
    assert merged.pane.n == len(raw)
    found = {column.name: column for column in merged.verdict.columns}
    for place, name in enumerate(REFERENCE.features):
        values = np.array(REFERENCE.columns[place].values)
        exact = ks_2samp(values, raw[:, place])
        assert found[name].statistic == pytest.approx(exact.statistic, abs=1e-12)
        assert found[name].p_value == pytest.approx(exact.p_value, rel=1e-9, abs=1e-300)
        bounds, column = merged.pane.wasserstein(place), REFERENCE.columns[place]
        distance = wasserstein(values, raw[:, place])
        assert bounds.low - 1e-9 <= distance <= bounds.high + 1e-9
        inside = np.abs(raw[:, place] - column.mean) < 6 * column.std
        if inside.all():  # outside the grid the bracket is as wide as the values are far
            assert bounds.high - bounds.low <= 2 * step(column.std, column.mean)
    store.close()


def test_a_span_and_a_filter_choose_what_is_merged(store: Store) -> None:
    store.add_reference(REFERENCE.to_bytes())
    fill(store, [(0, 40), (1, 30), (0, 20), (1, 10)])
    reader = store.reader()

    def n(where: Filter = Filter(), span: StatisticsSpan = StatisticsSpan()) -> list[int]:  # noqa: B008
        return [one.pane.n for one in reader.merged(where, span) if one.pane is not None]

    assert n() == [100]
    assert n(Filter(devices=("oven-0",))) == [60]
    assert n(Filter(), StatisticsSpan(since_ns=START_NS + MINUTE_NS, until_ns=START_NS + 3 * MINUTE_NS)) == [50]
    assert n(Filter(site="Köln", text="OVEN-1")) == [40]
    assert n(Filter(), StatisticsSpan(model="pizza")) == []
    assert n(Filter(devices=())) == []


def test_one_window_in_so_many_is_spread_evenly_over_devices_and_time(store: Store) -> None:
    store.add_reference(REFERENCE.to_bytes())
    pane, devices, windows = count(REFERENCE, samples(np.random.default_rng(4), 2)), 12, 40
    for device in range(devices):
        store.accept(one for seq in range(windows) for one in window(f"oven-{device}", seq, pane))
    reader, names, every = store.reader(), [f"oven-{device}" for device in range(devices)], StatisticsSpan(every=4)
    assert reader.kept(names, StatisticsSpan()) == devices * windows
    (merged,) = reader.merged(Filter(), every)
    assert merged.windows == reader.kept(names, every) == pytest.approx(devices * windows / 4, rel=0.05)
    for name in names:
        assert reader.kept([name], every) == pytest.approx(windows / 4, abs=2)
    for minute in range(0, windows, 4):
        since_ns = START_NS + minute * MINUTE_NS
        span = StatisticsSpan(since_ns=since_ns, until_ns=since_ns + 4 * MINUTE_NS, every=4)
        assert reader.kept(names, span) == pytest.approx(devices, abs=3)


def test_two_models_or_references_are_never_merged(store: Store) -> None:
    other = make_reference(seed=5)
    for reference in (REFERENCE, other):
        store.add_reference(reference.to_bytes())
    rng = np.random.default_rng(0)
    for seq, (reference, version) in enumerate(((REFERENCE, 4), (other, 5), (REFERENCE, 5))):
        pane = count(reference, samples(rng, 30))
        store.accept(window("oven-0", seq, pane, model_version=version))
    found = store.reader().merged()
    assert sorted((one.version, one.reference) for one in found) == sorted(
        [(4, REFERENCE.digest), (5, other.digest), (5, REFERENCE.digest)]
    )
    assert all(one.pane is not None and one.pane.n == 30 for one in found)


def test_without_the_reference_the_way_out_is_said(store: Store) -> None:
    fill(store, [(0, 30)])
    (merged,) = store.reader().merged()
    assert merged.pane is merged.verdict is None
    assert merged.problem == (
        f"no drift reference {REFERENCE.digest}; give the monitor the model once: edge monitor --model FILE"
    )


@pytest.mark.parametrize("change", [{"counts": "AAAA"}, {"n": MAX_SAMPLES + 1}, {"n": -1}, {"classes": [1, 2, 3]}])
def test_a_device_that_sends_nonsense_does_not_spoil_what_is_said_of_the_others(
    store: Store, change: dict[str, object]
) -> None:
    store.add_reference(REFERENCE.to_bytes())
    fill(store, [(0, 30), (1, 30)])
    pane = encode_pane(count(REFERENCE, samples(np.random.default_rng(3), 30)))
    drift, stats = window("liar", 0, count(REFERENCE, samples(np.random.default_rng(3), 30)))
    message = Stats(device="liar", boot_id="b1", seq=0, model="cookie", model_version=4, pane=pane | change)
    store.accept([drift, dataclasses.replace(stats, payload=encode(message))])
    (merged,) = store.reader().merged()
    assert merged.pane is not None
    assert (merged.pane.n, merged.devices) == (60, 2)
    assert merged.problem.startswith("1 windows left out: ")


@pytest.mark.parametrize("pane", [{}, {"reference": 3, "model": None}, {"reference": "x", "model": "y", "n": [[]]}])
def test_a_pane_that_names_no_reference_is_passed_over(store: Store, pane: dict[str, object]) -> None:
    drift, stats = window("liar", 0, count(REFERENCE, samples(np.random.default_rng(3), 30)))
    message = Stats(device="liar", boot_id="b1", seq=0, model="cookie", pane=pane)
    store.accept([drift, dataclasses.replace(stats, payload=encode(message))])
    assert all(one.pane is None for one in store.reader().merged())


def test_slices_show_when_a_column_began_to_drift(store: Store) -> None:
    store.add_reference(REFERENCE.to_bytes())
    rng = np.random.default_rng(2)
    for seq in range(6):
        pane = count(REFERENCE, samples(rng, 100, shift=2.0 if seq >= 3 else 0.0))
        store.accept(window("oven-0", seq, pane))
    found = store.reader().slices(step_ns=MINUTE_NS)
    drifted = {(one.start_ns - START_NS) // MINUTE_NS for one in found if one.column == "brightness" and one.drifted}
    assert drifted == {3, 4, 5}
    assert {one.column for one in found if one.drifted} == {"brightness"}


def test_the_verdict_of_one_window_is_the_devices_own(store: Store) -> None:
    store.add_reference(REFERENCE.to_bytes())
    pane = count(REFERENCE, samples(np.random.default_rng(9), 200, shift=1.0))
    store.accept(window("oven-0", 0, pane))
    (merged,) = store.reader().merged()
    assert merged.verdict == judge(pane, alpha=0.001)
    assert merged.digest == DIGEST
