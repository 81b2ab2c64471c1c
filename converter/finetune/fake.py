"""Rounding to eight bits with a gradient: the values are those of the quantized graph, the slope is as if nothing
had been rounded (straight-through estimator; B. Jacob et al., CVPR 2018).
"""

from __future__ import annotations

from typing import Any

from converter.quiet import tensorflow

STEPS = 255.0
LEAST = 1e-6
"""Smallest width of a range, so that nothing is divided by zero."""


def activation(values: Any, low: Any, high: Any) -> Any:
    """Rounded to 256 values from ``low`` to ``high`` (scalars), zero being one of them.

    The range learns: where values are clipped from the end that clips them, elsewhere from what a wider step adds to
    the error. S. K. Esser et al., "Learned Step Size Quantization", ICLR 2020, with two ends.
    """
    tf = tensorflow()

    @tf.custom_gradient  # type: ignore[untyped-decorator]  # TensorFlow has no types
    def rounded(values: Any, low: Any, high: Any) -> Any:
        result = tf.quantization.fake_quant_with_min_max_vars(values, low, high)

        def slopes(above: Any) -> tuple[Any, Any, Any]:
            under, over = values < low, values > high
            inside = tf.where(under | over, 0.0, above)
            wider = tf.reduce_sum(inside * (result - values)) / (high - low)
            to_low = tf.reduce_sum(tf.where(under, above, 0.0)) - wider
            to_high = tf.reduce_sum(tf.where(over, above, 0.0)) + wider
            return inside, to_low, to_high

        return result, slopes

    return rounded(values, low, high)


def by_picture(values: Any) -> Any:
    """Each picture rounded to 256 values of its own range, as dynamic-range kernels do."""
    tf = tensorflow()
    axes = tuple(range(1, len(values.shape)))
    low = tf.minimum(tf.reduce_min(values, axes, keepdims=True), 0.0)
    high = tf.maximum(tf.reduce_max(values, axes, keepdims=True), low + LEAST)
    step = (high - low) / STEPS
    return _straight_through(values, tf.round(values / step) * step)


def weights(values: Any, axes: tuple[int, ...]) -> Any:
    """Rounded to −127..127 times a scale, which is that of the largest absolute value over ``axes``."""
    tf = tensorflow()
    scale = tf.maximum(tf.reduce_max(tf.abs(values), axes, keepdims=True), LEAST) / 127.0
    return _straight_through(values, tf.round(values / scale) * scale)


def _straight_through(values: Any, rounded: Any) -> Any:
    return values + tensorflow().stop_gradient(rounded - values)
