"""Two exact tests, in integers and log-gammas."""

from __future__ import annotations

import math


def mcnemar(only_first: int, only_second: int) -> float:
    """Two-sided p-value that two classifiers judged on the same pictures are equally good.

    ``only_first`` pictures were right for the first alone, ``only_second`` for the second alone. Exact (binomial)
    form of Q. McNemar, Psychometrika 12, 1947.
    """
    n = only_first + only_second
    tail = sum(math.comb(n, i) for i in range(min(only_first, only_second) + 1))
    return min(1.0, 2 * tail / (1 << n))


def binomial_tail(n: int, hits: int, p: float) -> float:
    """P(at least ``hits`` of ``n``) when each hits with probability ``p``, 0 < p < 1."""
    logs = (
        math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * math.log(p) + (n - k) * math.log1p(-p)
        for k in range(hits, n + 1)
    )
    return min(1.0, math.fsum(math.exp(value) for value in logs))
