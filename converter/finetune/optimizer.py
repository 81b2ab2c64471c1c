"""Adam (D. P. Kingma and J. Ba, ICLR 2015) with steps in proportion to the size of what is trained.

The layers of an equalized flatbuffer have weights of very different size, for batch normalization is folded in; one
rate for all would be too much for some and nothing for others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from converter.quiet import tensorflow

MOMENTUM, SPREAD, TINY = 0.9, 0.999, 1e-12


class Adam:
    """``rates``: for each of ``variables``, of its root mean square at the beginning."""

    def __init__(self, variables: Sequence[Any], rates: Sequence[float]) -> None:
        tf = tensorflow()
        self._variables = list(variables)
        self._rates = [rate * _size(variable) for rate, variable in zip(rates, variables, strict=True)]
        self._means = [tf.Variable(tf.zeros_like(one)) for one in variables]
        self._squares = [tf.Variable(tf.zeros_like(one)) for one in variables]
        self._steps = tf.Variable(0.0)

    def step(self, slopes: Sequence[Any], part: Any) -> None:
        """One step; ``part`` (0..1) of the full rate."""
        tf = tensorflow()
        self._steps.assign_add(1.0)
        for variable, rate, mean, square, slope in zip(
            self._variables, self._rates, self._means, self._squares, slopes, strict=True
        ):
            if slope is None:  # its operator is not on the way to the scores
                continue
            mean.assign(MOMENTUM * mean + (1 - MOMENTUM) * slope)
            square.assign(SPREAD * square + (1 - SPREAD) * slope**2)
            upright = mean / (1 - MOMENTUM**self._steps)
            spread = tf.sqrt(square / (1 - SPREAD**self._steps))
            variable.assign_sub(rate * part * upright / (spread + TINY))


def _size(variable: Any) -> float:
    tf = tensorflow()
    return max(float(tf.sqrt(tf.reduce_mean(variable**2))), 1e-4)
