"""The distribution of Kolmogorov's one-sample statistic, for two-sample tests too large to count exactly.

Which formula serves where follows R. Simard and P. L'Ecuyer, "Computing the Two-Sided Kolmogorov-Smirnov
Distribution", Journal of Statistical Software 39(11), 2011, with the cut-offs that ``scipy.stats.kstwo`` uses, so
that the p-values are the same as there.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def survival(n: int, d: float) -> float:
    """P(D_n > d) for the two-sided one-sample statistic D_n of ``n`` observations, 0 ≤ d ≤ 1."""
    if n * d <= 0.5:
        return 1.0
    if d >= 1.0:
        return 0.0
    nd2 = n * d * d
    if d >= 0.5 or nd2 >= (4.0 if n <= 140 else 2.2):
        return min(1.0, 2.0 * one_sided(n, d))
    exact = n <= 140 or (n <= 100_000 and n * d**1.5 <= 1.4)
    below = _durbin(n, d) if exact else _pelz_good(n, d)
    return min(1.0, max(0.0, 1.0 - below))


def one_sided(n: int, d: float) -> float:
    """P(D_n⁺ ≥ d), 0 < d < 1: Z. Birnbaum and F. Tingey, Annals of Mathematical Statistics 22, 1951, formula 3.0.

    The terms C(n,j) (d+j/n)^(j-1) (1-d-j/n)^(n-j) are binomial probabilities in C. Loader's saddle-point form
    ("Fast and Accurate Computation of Binomial Probabilities", 2000), which loses no digits to large factorials.
    """
    j = np.arange(1, math.ceil(n * (1.0 - d)), dtype=np.float64)
    rest = n - j
    inside = n * d < rest
    j, rest = j[inside], rest[inside]
    exponent = j * np.log1p(n * d / j) + rest * np.log1p(-n * d / rest)
    stirling = _stirling_error(np.array([float(n)])) - _stirling_error(j) - _stirling_error(rest)
    terms = np.sqrt(n / (2.0 * math.pi * j * rest)) * np.exp(exponent + stirling) / (d + j / n)
    return float(math.exp(n * math.log1p(-d)) + d * np.sum(terms))


def _stirling_error(k: NDArray[np.float64]) -> NDArray[np.float64]:
    """log(k!) less Stirling's first approximation, k ≥ 1."""
    series = (1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - 1 / 1188 / k**2) / k**2) / k**2) / k**2) / k
    small = np.flatnonzero(k < 16)
    for index in small:
        value = float(k[index])
        series[index] = math.lgamma(value + 1) - (value + 0.5) * math.log(value) + value - _HALF_LOG_2PI
    return series


_HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)


def _durbin(n: int, d: float) -> float:
    """P(D_n < d), exact: G. Marsaglia, W. Tsang, J. Wang, "Evaluating Kolmogorov's Distribution", JSS 8(18), 2003."""
    k = math.ceil(n * d)
    size = 2 * k - 1
    factorials = np.cumprod(np.arange(1, size + 1, dtype=np.float64))
    h = k - n * d
    edge = (1.0 - h ** np.arange(1, size + 1)) / factorials
    edge[-1] = (1.0 - 2.0 * h**size + max(0.0, 2.0 * h - 1.0) ** size) / factorials[-1]
    lag = np.subtract.outer(np.arange(size), np.arange(size)) + 1
    matrix = np.where(lag > 0, 1.0 / factorials[np.maximum(lag, 1) - 1], np.where(lag == 0, 1.0, 0.0))
    matrix[:, 0] = edge
    matrix[-1, :] = edge[::-1]
    power, exponent = _power(matrix, n, k - 1)
    value = float(power[k - 1, k - 1])
    for i in range(1, n + 1):
        value *= i / n
        if value < 1e-140:
            value, exponent = value * 2.0**400, exponent - 400
    return math.ldexp(value, exponent)


def _power(matrix: NDArray[np.float64], n: int, centre: int) -> tuple[NDArray[np.float64], int]:
    """``matrix`` to the n-th as (mantissas, binary exponent), scaled at its centre against overflow."""
    result, exponent, shift = np.eye(len(matrix)), 0, 0
    while n:
        if n % 2:
            result, exponent = result @ matrix, exponent + shift
            result, exponent = _scale(result, exponent, centre)
        matrix, shift = _scale(matrix @ matrix, 2 * shift, centre)
        n //= 2
    return result, exponent


def _scale(matrix: NDArray[np.float64], exponent: int, centre: int) -> tuple[NDArray[np.float64], int]:
    size = math.frexp(float(matrix[centre, centre]))[1]
    return np.ldexp(matrix, -size), exponent + size


def _pelz_good(n: int, d: float) -> float:
    """P(D_n < d) to about 1e-8: W. Pelz and I. Good, Journal of the Royal Statistical Society B 38(2), 1976."""
    z = d * math.sqrt(n)
    z2, pi2 = z * z, math.pi**2
    k = np.arange(1.0, math.ceil(16 * z / math.pi) + 1)
    a = pi2 / 4 * (2 * k - 1) ** 2
    b = pi2 * k**2
    odd = np.exp(-a / (2 * z2))
    whole = np.exp(-b / (2 * z2))
    square = 6 * z2**3 + 2 * z2**2 + (2 * z2**2 - 5 * z2) * a + (1 - 2 * z2) * a**2
    cube = (5 - 30 * z2) * a**3 + (212 * z2**2 - 60 * z2) * a**2 + (135 * z2**2 - 96 * z2**3) * a
    cube -= 30 * z2**3 + 90 * z2**4
    terms = (
        odd.sum() / z,
        np.dot(a - z2, odd) / (6 * z2**2),
        np.dot(square, odd) / (72 * z**7) - np.dot(b, whole) / (36 * z**3),
        np.dot(cube, odd) / (6480 * z2**5) + np.dot((3 * z2 - b) * b, whole) / (216 * z2**3),
    )
    series = sum(float(term) / math.sqrt(n) ** i for i, term in enumerate(terms))
    return math.sqrt(2 * math.pi) * series
