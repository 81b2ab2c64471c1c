"""One model, or several after one another on the same picture: is a part there, is it whole, which defect is it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from edge.errors import ArtifactError, ConfigError
from edge.inference.artifact.manifest import OutputSpec
from edge.inference.frames.frame import Image
from edge.inference.model import Model
from edge.inference.tasks.classification import ClassificationRule, Decider, Decision, Scores

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CascadeStage:
    """A further model; it is asked when the model before it says one of ``when``."""

    model: Model
    when: frozenset[str]


class ModelOutput(NamedTuple):
    """Output of one model of a cascade on a picture; for drift, which is watched model by model."""

    model: int
    """Its place in the cascade."""
    decision: Decision
    picture: Image
    """The resized picture, height×width×3 uint8 BGR; overwritten by that model's next picture."""


class ThreadAbandoned(BaseException):
    """A thread comes back from a model that hung, and another judges in its place: it ends without a word, whatever
    else catches errors.
    """


class Cascade:
    """Judges with the first model and, as its labels say, with the next ones; the last one asked decides.

    One instance serves one thread. Raises ConfigError for a link that no label leads to.
    """

    def __init__(
        self,
        first: Model,
        links: Sequence[CascadeStage] = (),
        rule: ClassificationRule | None = None,
        *,
        generation: int = 0,
    ) -> None:
        self.generation = generation
        """Counts the cascades that a line had, so that each record belongs to the one that judged it."""
        self._tap: Callable[[Image], None] | None = None
        self._fallback: Cascade | None = None
        self.refused = 0
        """Pictures that went to the fallback."""
        self.models = (first, *(link.model for link in links))
        self.labels = tuple(dict.fromkeys(label for model in self.models for label in model.labels))
        """Labels of all models, each once: what records count by."""
        self.looks: list[ModelOutput] = []
        """Outputs for the last picture, in the order in which the models were asked."""
        self._links, self._rule = tuple(links), rule or ClassificationRule()
        self._next = (*(link.when for link in links), frozenset[str]())
        self._places = tuple(tuple(self.labels.index(label) for label in model.labels) for model in self.models)
        self._mean = Decider(OutputSpec(len(self.labels), "float32"), self.labels, self._rule)
        self._first_asked: list[None] = []
        """An entry while the first model has a picture. Taking it out is one step of the interpreter: of a thread
        that comes back and another that leaves it behind, one finds it."""
        for model, when in zip(self.models, self._next, strict=True):
            _check(model, when)

    @property
    def name(self) -> str:
        """The models' ids; fit for a topic."""
        return "-then-".join(model.name for model in self.models)

    def clone(self) -> Cascade:
        """The same models once more, for another thread."""
        links = [CascadeStage(link.model.clone(), link.when) for link in self._links]
        return Cascade(self.models[0].clone(), links, self._rule, generation=self.generation)

    def with_first(self, first: Model, generation: int) -> Cascade:
        """Another model before the same next ones, for the same thread. Raises ConfigError as the class does."""
        return Cascade(first, self._links, self._rule, generation=generation)

    def show_pictures_to(self, tap: Callable[[Image], None] | None) -> None:
        """Hands each picture to ``tap`` before it is judged; ``tap`` returns at once and may hold on to the picture.
        None ends that. Any thread may call it."""
        self._tap = tap

    def fall_back_on(self, other: Cascade | None) -> None:
        """Lets ``other`` judge what this one's runtime refuses, in the same thread; None ends that. Any thread may
        call it."""
        self._fallback = other

    def predict(self, image: Image) -> Decision:
        """Judges one picture, H×W×3 uint8 BGR; ``index`` counts by :attr:`labels`.

        Raises ArtifactError when a runtime refuses, LeftBehind after :meth:`leave`.
        """
        if (tap := self._tap) is not None:
            tap(image)
        self.looks.clear()
        for number, model in enumerate(self.models):
            decision = model.predict(image) if number else self._ask_first(image)
            self.looks.append(ModelOutput(number, decision, model.preprocess.small))
            if decision.label not in self._next[number]:
                break
        return decision if number == 0 else replace(decision, index=self._places[number][decision.index])

    def judge(self, image: Image) -> tuple[Decision, Cascade]:
        """Judges like :meth:`predict`, and says who has decided: this cascade or its fallback, whose outputs and
        generation then count."""
        try:
            return self.predict(image), self
        except ArtifactError as error:
            fallback = self._fallback
            if fallback is None:
                raise
            self.refused += 1
            log.warning("%s; %s judges it", error, fallback.name)
            return fallback.predict(image), fallback

    def _ask_first(self, image: Image) -> Decision:
        self._first_asked.append(None)
        try:
            return self.models[0].predict(image)
        finally:
            if not self._take_back():
                raise ThreadAbandoned

    def _take_back(self) -> bool:
        try:
            self._first_asked.pop()
        except IndexError:
            return False
        return True

    def leave(self) -> bool:
        """From any thread, for good: the thread that has waited too long for the first model ends with LeftBehind,
        should it ever come back. False when it does not wait for that one; the others may be another cascade's, too.
        """
        return self._take_back()

    def scores(self) -> Scores:
        """Scores of the model that decided last, spread over :attr:`labels`; shape (labels,)."""
        number, decision, _ = self.looks[-1]
        spread: Scores = np.zeros(len(self.labels), np.float32)
        scores = decision.scores
        places = self._places[number]
        spread[list(places)] = (1.0 - scores[0], scores[0]) if len(scores) == 1 else scores
        return spread

    def decide(self, scores: Scores) -> Decision:
        """The decision on the mean of several :meth:`scores`."""
        return self._mean(scores)


def _check(model: Model, when: frozenset[str]) -> None:
    unknown = sorted(when - set(model.labels))
    if unknown:
        raise ConfigError(f"then.when: {model.name} has no label {unknown[0]!r}; it has {', '.join(model.labels)}")
