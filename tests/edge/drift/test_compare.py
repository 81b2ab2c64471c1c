from __future__ import annotations

import json
import re

import numpy as np
import pytest
from scipy import stats

from edge.drift import Pane, Reference, compare, judge
from edge.drift.page import render
from edge.drift.univariate.evidently import evidently_column
from edge.errors import ConfigError

RNG = np.random.default_rng(0)
REFERENCE = {
    "temp": RNG.normal(20, 2, 800),
    "speed": np.where(RNG.random(800) < 0.1, np.nan, RNG.gamma(2, 1, 800)),
    "kind": RNG.choice(["a", "b", "c"], 800),
    "flag": RNG.integers(0, 2, 800),
}
CURRENT = {
    "temp": RNG.normal(22, 2, 400),
    "speed": RNG.gamma(2, 1, 400),
    "kind": RNG.choice(["a", "b", "c", "<new>"], 400),
    "flag": RNG.integers(0, 2, 400),
}


def test_each_column_has_its_test_and_its_size() -> None:
    found = compare(REFERENCE, CURRENT)

    columns = {column.name: column for column in found.columns}
    assert {name: column.test for name, column in columns.items()} == {
        "temp": "ks",
        "speed": "ks",
        "kind": "chi2",
        "flag": "z",
    }
    temp, kind = columns["temp"], columns["kind"]
    assert temp.p_value == pytest.approx(stats.ks_2samp(REFERENCE["temp"], CURRENT["temp"]).pvalue, rel=1e-12)
    assert temp.wasserstein == pytest.approx(
        stats.wasserstein_distance(REFERENCE["temp"], CURRENT["temp"]) / REFERENCE["temp"].std()
    )
    assert temp.shift is not None
    assert temp.shift > 0.3
    assert kind.unseen == ("<new>",)
    assert columns["speed"].missing == (int(np.isnan(REFERENCE["speed"]).sum()), 0)
    assert [column.drifted for column in found.columns] == [True, True, False, False]
    assert {column.name for column in found.columns[:2]} == {"temp", "kind"}
    assert (found.drifted, found.share) == (True, 0.5)
    assert all(
        columns[name].evidently == evidently_column(REFERENCE[name], CURRENT[name])
        for name in ("temp", "speed", "kind")
    )
    assert found.evidently_drifted == (found.evidently_share >= 0.5)


def test_undisturbed_tables_have_not_drifted() -> None:
    halves = [{name: values[half::2] for name, values in REFERENCE.items()} for half in (0, 1)]
    assert not compare(*halves).drifted


def test_columns_that_cannot_be_compared_are_named() -> None:
    found = compare(
        {"a": [1.0, 2.0, 3.0], "b": ["x"], "c": [np.nan], "e": [1.0, 2.0]},
        {"a": [1.0], "d": [1.0], "c": [1.0], "e": ["x", "1"]},
    )

    assert [column.name for column in found.columns] == ["e", "a"]
    assert found.skipped == {
        "b": "only in the reference",
        "c": "no values in the reference",
        "d": "only in the current data",
    }
    with pytest.raises(ConfigError, match=r"same names \(x: only in the reference"):
        compare({"x": [1.0]}, {"y": [1.0]})


def test_many_categories_are_shown_as_others() -> None:
    words = [f"word {i}" for i in range(60)]
    bars = compare({"a": words}, {"a": words}).columns[0].bars
    assert bars.names[-1] == "40 others"
    assert sum(bars.reference) == pytest.approx(1.0)


def test_a_constant_has_no_wasserstein_and_one_bin() -> None:
    constant = np.arange(6.0).repeat(3)
    found = compare({"a": np.full(30, 7.0), "b": constant}, {"a": np.full(30, 7.0), "b": constant})
    columns = {column.name: column for column in found.columns}
    assert columns["a"].kind == "categorical"
    assert columns["b"].wasserstein == 0.0
    assert not found.drifted


def test_raw_data_and_its_counts_get_the_same_p_values() -> None:
    names = ("temp", "speed")
    table, now = (np.stack([one[name] for name in names], axis=1) for one in (REFERENCE, CURRENT))
    reference = Reference.fit(table, np.ones((800, 1)), [0] * 800, ("all",), names)
    pane = Pane(reference)
    for seq, row in enumerate(now):
        pane.add(row, None, 0, seq)

    counted = {column.name: column for column in judge(pane).columns}
    raw = compare(*(dict(zip(names, np.float32(one).T, strict=True)) for one in (table, now)))

    for column in raw.columns:
        assert column.p_value == counted[column.name].p_value


def test_a_comparison_is_plain_json() -> None:
    found = compare(REFERENCE, CURRENT)
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False)) == found.to_dict()


def test_the_page_shows_each_column_and_fetches_nothing() -> None:
    page = render(compare(REFERENCE, CURRENT), "before.csv", "<now>.csv").decode()

    assert "&lt;now&gt;.csv" in page
    assert "<now>" not in page
    assert "<new>" not in page
    assert page.count("<figure") == 4
    assert page.count("<rect") == 2 * 2 * 24
    assert not re.search(r"(src|href)=", page)
    assert render(compare(REFERENCE, CURRENT), "before.csv", "<now>.csv").decode() == page
