from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from converter.data.statistics import binomial_tail, mcnemar


@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemar_is_the_exact_binomial_test(first: int, second: int):
    expected = stats.binomtest(first, first + second, 0.5).pvalue if first + second else 1.0
    assert mcnemar(first, second) == pytest.approx(min(1.0, expected), rel=1e-6)


@given(st.integers(1, 600), st.floats(0.01, 0.99), st.data())
def test_the_binomial_tail_is_scipys(n: int, p: float, data: st.DataObject):
    hits = data.draw(st.integers(0, n))
    assert binomial_tail(n, hits, p) == pytest.approx(stats.binom.sf(hits - 1, n, p), rel=1e-6, abs=1e-12)
