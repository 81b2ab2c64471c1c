"""From the output tensor to a decision."""

from __future__ import annotations

import numpy as np
import pytest

from edge.inference.artifact.manifest import OutputSpec
from edge.inference.tasks.classification import ClassificationRule, Decider, scores_of


def test_quantized_scores_are_dequantized() -> None:
    raw = np.array([[-128, 0, 127]], np.int8)
    scores = scores_of(raw, OutputSpec(3, "int8", 1 / 256, -128))
    assert scores.tolist() == [0.0, 0.5, 255 / 256]


def test_logits_go_through_softmax_without_overflow() -> None:
    scores = scores_of(
        np.array([[1000.0, 1000.0, -1000.0]], np.float32), OutputSpec(3, "float32", activation="logits")
    )
    assert scores.tolist() == [0.5, 0.5, 0.0]


@pytest.mark.parametrize(
    ("probability", "label", "score"), [(0.9, "bad", 0.9), (0.2, "good", 0.8), (0.5, "bad", 0.5)]
)
def test_one_sigmoid_output_names_two_classes(probability: float, label: str, score: float) -> None:
    decide = Decider(
        OutputSpec(1, "float32", activation="sigmoid"), ("good", "bad"), ClassificationRule(frozenset({"bad"}))
    )
    decision = decide(np.array([[probability]], np.float32))
    assert decision.label == label
    assert decision.score == pytest.approx(score)
    assert decision.reject == (label == "bad")
