"""Several models after one another on the same picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.errors import ArtifactError, ConfigError
from edge.inference.cascade import Cascade, CascadeStage
from edge.inference.frames.frame import Image
from edge.inference.model import Model, load
from edge.inference.tasks.classification import ClassificationRule, Decision


@pytest.fixture
def model(tmp_path: Path, make_artifact: Callable[..., bytes], tried: Callable[..., Path]) -> Callable[..., Model]:
    """``model("red", "green", "blue")``: the colour model with other words for red, green and blue."""

    def make(*labels: str, rule: ClassificationRule | None = None) -> Model:
        path = tmp_path / f"{'-'.join(labels)}.tflite"
        path.write_bytes(make_artifact(labels=labels))
        return load(path, rule=rule, state=tried())

    return make


def test_one_model_is_a_chain_that_decides_as_it_does(
    model: Callable[..., Model], picture: Callable[..., Image]
) -> None:
    only = model("red", "green", "blue")
    cascade = Cascade(only)
    assert cascade.labels == only.labels
    assert cascade.name == only.name
    decision = cascade.predict(picture("green"))
    assert (decision.label, decision.index) == ("green", 1)
    assert [look.model for look in cascade.looks] == [0]
    assert np.array_equal(cascade.scores(), decision.scores)


def test_the_next_model_is_asked_only_about_the_labels_that_lead_to_it(
    model: Callable[..., Model], picture: Callable[..., Image]
) -> None:
    cascade = Cascade(
        model("part", "belt", "hand"), [CascadeStage(model("burnt", "whole", "broken"), frozenset({"part"}))]
    )
    assert cascade.labels == ("part", "belt", "hand", "burnt", "whole", "broken")
    assert cascade.predict(picture("green")).label == "belt"
    assert len(cascade.looks) == 1
    decision = cascade.predict(picture("red"))
    assert (decision.label, decision.index) == ("burnt", 3)
    assert [(look.model, look.decision.label, look.decision.index) for look in cascade.looks] == [
        (0, "part", 0),
        (1, "burnt", 0),
    ]


def test_labels_that_models_share_are_one_label(model: Callable[..., Model], picture: Callable[..., Image]) -> None:
    cascade = Cascade(model("a", "b", "c"), [CascadeStage(model("c", "b", "a"), frozenset({"a"}))])
    assert cascade.labels == ("a", "b", "c")
    decision = cascade.predict(picture("red"))
    assert (decision.label, decision.index) == ("c", 2)
    assert cascade.scores().argmax() == 2


def test_scores_are_spread_over_all_labels_and_their_mean_decides(
    model: Callable[..., Model], picture: Callable[..., Image]
) -> None:
    rule = ClassificationRule(frozenset({"burnt"}))
    first, second = model("part", "belt", "hand", rule=rule), model("burnt", "whole", "broken", rule=rule)
    cascade = Cascade(first, [CascadeStage(second, frozenset({"part"}))], rule)
    votes = []
    for colour in ("red", "red", "green"):
        cascade.predict(picture(colour))
        votes.append(cascade.scores())
    assert all(vote.shape == (6,) and vote.sum() == pytest.approx(1.0, abs=0.02) for vote in votes)
    decision = cascade.decide(np.mean(votes, axis=0, dtype=np.float32))
    assert (decision.label, decision.index, decision.reject) == ("burnt", 3, True)


def test_a_twin_has_models_of_its_own_that_decide_alike(
    model: Callable[..., Model], picture: Callable[..., Image]
) -> None:
    rule = ClassificationRule(frozenset({"burnt"}))
    cascade = Cascade(
        model("part", "belt", "hand", rule=rule), [CascadeStage(model("burnt", "x", "y"), frozenset({"part"}))], rule
    )
    twin = cascade.clone()
    assert not {id(one.interpreter) for one in cascade.models} & {id(one.interpreter) for one in twin.models}
    for colour in ("red", "green", "blue"):
        ours, theirs = cascade.predict(picture(colour)), twin.predict(picture(colour))
        assert (ours.label, ours.index, ours.reject) == (theirs.label, theirs.index, theirs.reject)
        assert np.array_equal(ours.raw, theirs.raw)


def test_a_label_that_leads_nowhere_is_named(model: Callable[..., Model]) -> None:
    with pytest.raises(ConfigError, match=r"then\.when: colour has no label 'prat'; it has part, belt, hand"):
        Cascade(model("part", "belt", "hand"), [CascadeStage(model("a", "b", "c"), frozenset({"prat"}))])


class Refusing:
    """A model whose runtime refuses every picture."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def predict(self, image: Image) -> Decision:
        raise ArtifactError("no")


def test_what_the_runtime_refuses_the_stand_in_judges_with_its_looks_and_tenure(
    model: Callable[..., Model], picture: Callable[..., Image]
) -> None:
    before, good = Cascade(model("rot", "gruen", "blau"), generation=3), model("red", "green", "blue")
    cascade = Cascade(Refusing(good), generation=4)  # type: ignore[arg-type]
    cascade.fall_back_on(before)
    decision, judge = cascade.judge(picture("green"))
    assert (decision.label, judge, cascade.refused) == ("gruen", before, 1)
    assert [look.decision for look in judge.looks] == [decision]
    cascade.fall_back_on(None)
    with pytest.raises(ArtifactError, match="no"):
        cascade.judge(picture("green"))
    sound = Cascade(good, generation=4)
    sound.fall_back_on(before)
    decision, judge = sound.judge(picture("green"))
    assert (decision.label, judge, sound.refused) == ("green", sound, 0)
