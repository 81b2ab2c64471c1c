"""Confidence interval of a share that was counted."""

from __future__ import annotations

import math


def wilson(hits: int, n: int) -> tuple[float, float]:
    """95 % confidence interval of a share, ``n`` > 0.

    The score interval of E. B. Wilson, J. American Statistical Association 22, 1927: unlike the normal one it holds
    for few samples and for shares near 0 and 1.
    """
    z = 1.959963984540054
    share, spread = hits / n, z * z / n
    centre = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(share * (1 - share) / n + spread / (4 * n))
    return max(0.0, centre - half), min(1.0, centre + half)
