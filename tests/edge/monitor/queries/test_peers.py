"""The broken camera among forty."""

from __future__ import annotations

import numpy as np
import pytest

from edge.drift.pane import Pane
from edge.monitor import Store
from edge.monitor.queries.peers import benjamini_hochberg, compare, t_survival
from tests.support.panes import count, make_reference, samples, window

REFERENCE = make_reference()


def group(seed: int, devices: int = 40, n: int = 100, spread: float = 0.0) -> dict[str, Pane]:
    """Healthy devices; each one's brightness differs by ``spread`` standard deviations from the next."""
    rng = np.random.default_rng(seed)
    return {
        f"oven-{i}": count(REFERENCE, samples(rng, n, shift=float(rng.normal()) * spread)) for i in range(devices)
    }


def test_a_camera_that_sees_something_else_is_named_with_what(store: Store) -> None:
    store.add_reference(REFERENCE.to_bytes())
    panes = group(1)
    panes["oven-7"] = count(REFERENCE, samples(np.random.default_rng(2), 100, shift=1.0))
    for device, pane in panes.items():
        store.accept(window(device, 0, pane))
    found = store.reader().siblings([*panes])
    assert {one.device for one in found if one.odd} == {"oven-7"}
    assert (found[0].device, found[0].column) == ("oven-7", "brightness")
    assert len(found) == 40 * (len(REFERENCE.columns) + 1)


def test_what_all_of_them_see_is_no_reason_to_name_one() -> None:
    rng = np.random.default_rng(3)
    panes = {f"oven-{i}": count(REFERENCE, samples(rng, 100, shift=3.0)) for i in range(10)}
    assert not [one for one in compare(panes) if one.odd]


def test_siblings_that_always_differed_a_little_are_the_measure() -> None:
    panes = group(4, spread=0.5)
    assert not [one for one in compare(panes) if one.odd]
    panes["oven-3"] = count(REFERENCE, samples(np.random.default_rng(5), 100, shift=4.0))
    assert {one.device for one in compare(panes) if one.odd} == {"oven-3"}


@pytest.mark.parametrize("devices", [5, 8, 40])
def test_healthy_groups_are_left_in_peace(devices: int) -> None:
    """At a false share of 5 %, at most 5 % of healthy groups may have a finding; of 40, five is beyond chance."""
    groups = 40
    alarmed = sum(any(one.odd for one in compare(group(seed, devices, n=30))) for seed in range(100, 100 + groups))
    assert alarmed <= 5


def test_a_camera_whose_light_flickers_is_named_though_its_mean_is_right() -> None:
    panes, rng = group(8), np.random.default_rng(9)
    features, scores, labels = samples(rng, 100)
    features[:, 0] = 100 + 3 * (features[:, 0] - 100)
    panes["oven-9"] = count(REFERENCE, (features, scores, labels))
    found = [(one.device, one.column) for one in compare(panes) if one.odd]
    assert found == [("oven-9", "brightness")]


def test_a_device_that_rejects_more_is_named() -> None:
    panes, rng = group(10), np.random.default_rng(11)
    features, scores, _ = samples(rng, 100)
    panes["oven-9"] = count(REFERENCE, (features, scores, np.ones(100, int)))
    assert [(one.device, one.column) for one in compare(panes) if one.odd] == [("oven-9", "predicted")]


def test_of_too_few_nobody_is_odd(store: Store) -> None:
    store.add_reference(REFERENCE.to_bytes())
    rng = np.random.default_rng(0)
    for i in range(4):
        store.accept(window(f"oven-{i}", 0, count(REFERENCE, samples(rng, 50, shift=5.0 * (i == 0)))))
    assert store.reader().siblings([f"oven-{i}" for i in range(4)]) == []


def test_a_device_without_values_is_not_odd_for_it() -> None:
    panes = group(6, devices=6)
    panes["dark"] = Pane(REFERENCE, next(iter(panes.values())).model)
    for seq in range(50):
        panes["dark"].add(None, None, None, seq)
    assert not [one for one in compare(panes) if one.device == "dark" and one.odd]


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 5, 8, 39, 40])
@pytest.mark.parametrize("t", [-3.0, -0.5, 0.0, 0.7, 2.0, 6.0])
def test_the_tail_of_students_distribution_is_scipys(t: float, freedom: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    assert t_survival(t, freedom) == pytest.approx(stats.t.sf(t, freedom), rel=1e-6, abs=1e-14)


def test_benjamini_hochberg_finds_what_its_paper_does() -> None:
    """Table 1 of Benjamini and Hochberg, 1995: four of fifteen at 5 %."""
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528]
    found = benjamini_hochberg(np.array([*p, 0.7590, 1.0]), 0.05)
    assert found.tolist() == [True] * 4 + [False] * 11
