"""Meaning of a model's raw outputs, (n, size)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.core.arrays import Integers
from edge.core.choices import Activation

Outputs = NDArray[np.float32]


def activation_of(outputs: Outputs) -> Activation:
    """Judged by the values: rows that sum to one are softmax, values from 0 to 1 sigmoid, anything else logits."""
    if outputs.min() < -1e-3 or outputs.max() > 1 + 1e-3:
        return "logits"
    sums_to_one = outputs.shape[1] > 1 and np.abs(outputs.sum(axis=1) - 1).max() < 1e-2
    return "softmax" if sums_to_one else "sigmoid"


def probabilities(outputs: Outputs) -> Outputs:
    """Scores from 0 to 1, (n, size): logits through softmax, a single logit through the logistic function."""
    if activation_of(outputs) != "logits":
        return outputs
    if outputs.shape[1] == 1:
        logistic: Outputs = (0.5 * (1 + np.tanh(outputs / 2))).astype(np.float32)
        return logistic
    softmax: Outputs = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    softmax /= softmax.sum(axis=1, keepdims=True)
    return softmax


def classes_of(outputs: Outputs) -> Integers:
    """The class named for each row; a single output is the score of class 1 against class 0."""
    if outputs.shape[1] == 1:
        return np.asarray(probabilities(outputs)[:, 0] >= 0.5, np.int64)
    return np.asarray(outputs.argmax(axis=1), np.int64)
