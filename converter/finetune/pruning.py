"""Which weights become zero, and when.

By magnitude, more and more of them while the others learn to do without; M. Zhu and S. Gupta, "To prune, or not to
prune", 2017. A weight that grows again comes back as long as the share still rises. How many go in which layer:
J. Lee et al., "Layer-Adaptive Sparsity for the Magnitude-based Pruning" (LAMP), ICLR 2021.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

RISING = 0.6
"""Part of the training in which the share rises; in the rest the masks stay."""

Weights = NDArray[np.float32]


def share_at(done: float, sparsity: float) -> float:
    """The share of zeros after ``done`` (0..1) of the training."""
    left = max(0.0, 1 - done / RISING)
    return float(sparsity * (1 - left**3))


def masks(kernels: Sequence[Weights], share: float) -> list[Weights]:
    """1 and 0 for each weight; of all weights exactly round(``share`` × number) are 0, the first of equals."""
    sizes = [one.size for one in kernels]
    scores = np.concatenate([_scores(one.reshape(-1)) for one in kernels])
    flat = np.ones(sum(sizes), np.float32)
    flat[np.argsort(scores, kind="stable")[: round(share * len(flat))]] = 0
    parts = np.split(flat, np.cumsum(sizes)[:-1])
    return [part.reshape(one.shape) for part, one in zip(parts, kernels, strict=True)]


def _scores(weights: Weights) -> NDArray[np.float64]:
    """Each square as a share of the squares of all that are no smaller, and would stay when it goes."""
    squares = np.square(weights, dtype=np.float64)
    order = np.argsort(squares, kind="stable")
    staying = np.cumsum(squares[order][::-1])[::-1]
    found = np.empty(len(weights))
    found[order] = squares[order] / np.maximum(staying, 1e-300)
    return found
