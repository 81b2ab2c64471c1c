"""Rounded values, and the slopes that training sees."""

from __future__ import annotations

import numpy as np
import pytest

from converter.finetune import fake
from converter.quiet import tensorflow

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("tensorflow")]


def test_an_activation_has_256_values_and_zero_is_one_of_them():
    values = np.linspace(-3, 7, 5001).astype(np.float32)
    rounded = fake.activation(values, -2.0, 5.0).numpy()
    assert len(np.unique(rounded)) == 256
    assert 0.0 in rounded
    assert np.abs(rounded - np.clip(values, -2, 5)).max() <= 7 / 255
    assert rounded.max() - rounded.min() == pytest.approx(7, rel=1e-5)


def test_slopes_pass_inside_the_range_and_move_its_ends_outside():
    tf = tensorflow()
    values, low, high = tf.constant([-3.0, 1.0, 9.0]), tf.Variable(-2.0), tf.Variable(5.0)
    with tf.GradientTape() as tape:
        tape.watch(values)
        total = tf.reduce_sum(fake.activation(values, low, high))
    to_values, to_low, to_high = tape.gradient(total, [values, low, high])
    assert to_values.numpy().tolist() == [0, 1, 0]
    # One value is clipped at either end; what the rounding of the third adds is less than a step.
    assert float(to_low) == pytest.approx(1, abs=1 / 255)
    assert float(to_high) == pytest.approx(1, abs=1 / 255)


def test_weights_are_rounded_to_a_scale_of_each_channel():
    weights = np.random.default_rng(0).normal(size=(4, 3, 3, 5)).astype(np.float32)
    weights[1] *= 100
    rounded = fake.weights(weights, (1, 2, 3)).numpy()
    for channel, real in zip(rounded, weights, strict=True):
        steps = channel / (np.abs(real).max() / 127)
        np.testing.assert_allclose(steps, np.round(steps), atol=1e-3)
        assert np.abs(steps).max() == pytest.approx(127, abs=1e-3)


def test_each_picture_has_a_range_of_its_own():
    values = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype(np.float32)
    values[1] *= 100
    gap = np.abs(fake.by_picture(values).numpy() - values).max(axis=(1, 2, 3))
    spread = values.max(axis=(1, 2, 3)) - values.min(axis=(1, 2, 3))
    assert (gap <= spread / 255).all()
    assert gap[1] > 20 * gap[0]
