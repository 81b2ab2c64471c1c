"""Another cascade between two frames: each frame is judged by one, none is lost, whatever else goes on."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import count, cycle, pairwise
from pathlib import Path
from typing import Any

import pytest

from edge.device.config import PartsConfig
from edge.device.pipeline import Cut, Intake, JudgedPart, MailboxPolicy, Pipeline, VotedParts
from edge.gates import NoGate
from edge.inference.cascade import Cascade, CascadeStage
from edge.inference.frames import Frame, open_source
from edge.inference.frames.frame import Image
from edge.inference.model import Model, load
from edge.inference.parts import Calibration, Parts
from edge.inference.tasks.classification import ClassificationRule, Decision
from tests.edge.device.pipeline.conftest import BELT

FRAMES = 2000
RULE = ClassificationRule(frozenset({"red", "blue"}))


class Colours:
    """A camera that shows red, green and blue in turn, as fast as it is read."""

    live = True

    def __init__(self, pictures: list[Image], frames: int, pause_s: float = 0.0) -> None:
        self._pictures, self._left, self._pause_s = cycle(pictures), frames, pause_s

    def read(self) -> Frame | None:
        if self._left == 0:
            return None
        self._left -= 1
        time.sleep(self._pause_s)
        return Frame(next(self._pictures), time.monotonic_ns(), time.time_ns())

    def close(self) -> None:
        self._left = 0


@pytest.fixture(scope="module")
def models(
    tmp_path_factory: pytest.TempPathFactory, make_artifact: Callable[..., bytes], tried: Callable[..., Path]
) -> tuple[Model, Model]:
    """The colour model, and one that calls the same classes by other names."""
    folder = tmp_path_factory.mktemp("models")
    paths = folder / "colour.tflite", folder / "other.tflite"
    paths[0].write_bytes(make_artifact())
    paths[1].write_bytes(make_artifact(labels=("rot", "gruen", "blau")))
    return load(paths[0], rule=RULE, state=tried()), load(paths[1], rule=RULE, state=tried())


@pytest.fixture
def pictures(picture: Callable[..., Image]) -> list[Image]:
    return [picture(name) for name in ("red", "green", "blue")]


def taken(intake: Intake) -> list[JudgedPart]:
    found = []
    while (judged := intake.take()) is not None:
        found.append(judged)
        intake.release(judged)
    return found


def swapping(pipelines: list[Pipeline], cascades: Iterable[Cascade], stop: threading.Event) -> int:
    """Gives all pipelines one cascade after the other, and waits for each to be used; how often."""
    done = 0
    for cascade in cascades:
        for pipeline in pipelines:
            pipeline.swap(cascade)
        while not stop.is_set() and any(one.generation != cascade.generation and not one.ended for one in pipelines):
            time.sleep(0.0002)
        if stop.is_set():
            break
        done += 1
    return done


def in_turn(models: tuple[Model, Model]) -> Iterator[Cascade]:
    """Chains 1, 2, 3 and so on, of the one and the other model."""
    return (Cascade(models[number % 2], rule=RULE, generation=number) for number in count(1))


@pytest.mark.slow
def test_thousands_of_frames_and_hundreds_of_swaps_lose_nothing(
    models: tuple[Model, Model], pictures: list[Image]
) -> None:
    intake, ended = Intake(), threading.Event()
    kept: list[JudgedPart] = []
    pipeline = Pipeline(
        Colours(pictures, FRAMES), Cascade(models[0], rule=RULE), NoGate(), intake, MailboxPolicy("every")
    )
    line = threading.Thread(target=lambda: (pipeline.run(), ended.set()))
    line.start()
    swaps: list[int] = []
    deployment = threading.Thread(target=lambda: swaps.append(swapping([pipeline], in_turn(models), ended)))
    deployment.start()
    while not ended.wait(0.002):
        kept += taken(intake)
    line.join()
    deployment.join()
    kept += taken(intake)
    assert pipeline.accounts.captured == pipeline.accounts.decided == FRAMES
    assert [one.judgement.part for one in kept] == list(range(FRAMES))
    assert swaps[0] >= 100
    assert len({one.generation for one in kept}) >= 100
    for one in kept:
        assert one.judgement.decision.label == models[one.generation % 2].labels[one.judgement.part % 3]
    assert all(later.generation >= earlier.generation for earlier, later in pairwise(kept))


def test_a_swap_drops_no_frame_of_a_camera_that_does_not_wait(
    models: tuple[Model, Model], pictures: list[Image]
) -> None:
    """Frames may be dropped where the machine is late; each of them is counted, and none for a swap."""
    intake, ended = Intake(), threading.Event()
    source = Colours(pictures, 300, pause_s=0.002)
    pipeline = Pipeline(
        source, Cascade(models[0], rule=RULE), NoGate(), intake, MailboxPolicy("adaptive", deadline_s=10)
    )
    deployment = threading.Thread(target=swapping, args=([pipeline], in_turn(models), ended))
    deployment.start()
    pipeline.run()
    ended.set()
    deployment.join()
    accounts = pipeline.accounts
    assert accounts.captured == 300
    assert accounts.balanced
    assert set(+accounts.dropped) <= {"overrun"}
    assert accounts.dropped["overrun"] <= 30
    assert accounts.decided == len(taken(intake))


def test_the_loop_turns_and_takes_a_new_chain_while_no_frame_comes(models: tuple[Model, Model]) -> None:
    class Still(Colours):
        def read(self) -> Frame | None:
            while self._left:
                time.sleep(0.01)
            return None

    source = Still([], 1)
    pipeline = Pipeline(source, Cascade(models[0]), NoGate(), Intake(), MailboxPolicy("latest"))
    assert (pipeline.progress_ns, pipeline.ended) == (0, False)
    line = threading.Thread(target=pipeline.run)
    line.start()
    try:
        pipeline.swap(Cascade(models[1], generation=7))
        until = time.monotonic() + 60
        while pipeline.generation != 7:
            assert time.monotonic() < until
            time.sleep(0.01)
        before = pipeline.progress_ns
        while pipeline.progress_ns == before:
            assert time.monotonic() < until
            time.sleep(0.01)
    finally:
        source.close()
        line.join()
    assert pipeline.ended


@pytest.mark.slow
def test_a_part_that_two_models_voted_on_is_the_second_ones(models: tuple[Model, Model], belt_file: Path) -> None:
    parts = Parts(Calibration.load(belt_file), PartsConfig(judging="vote"))
    stage, cascades = VotedParts(parts, Cut()), in_turn(models)
    source, verdicts, cascade = open_source(f"{BELT}&count=90"), [], next(cascades)
    for number in range(90):
        frame = source.read()
        assert frame is not None
        if number % 15 == 14:
            cascade = next(cascades)
        verdicts += list(stage.judge(number, frame, cascade))
    verdicts += list(stage.end(cascade))
    generations = Counter(verdict.generation for verdict in verdicts)
    assert len(generations) >= 3
    assert len({verdict.part for verdict in verdicts}) == len(verdicts)
    for verdict in verdicts:
        assert verdict.decision.label in models[verdict.generation % 2].labels


def test_whoever_taps_a_chain_sees_what_it_judges(models: tuple[Model, Model], pictures: list[Image]) -> None:
    cascade, seen = Cascade(models[0]), list[Image]()
    cascade.predict(pictures[0])
    cascade.show_pictures_to(seen.append)
    cascade.predict(pictures[1])
    cascade.show_pictures_to(None)
    cascade.predict(pictures[2])
    assert [image is pictures[1] for image in seen] == [True]


class Hanging:
    """A model that keeps its third picture until it is let go."""

    def __init__(self, model: Model) -> None:
        self._model, self._asked = model, 0
        self.let_go, self.hangs = threading.Event(), threading.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def predict(self, image: Image) -> Decision:
        self._asked += 1
        if self._asked == 3:
            self.hangs.set()
            self.let_go.wait(60)
        return self._model.predict(image)


def wait(condition: Callable[[], object]) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.005)


@pytest.fixture
def hanging(models: tuple[Model, Model]) -> Hanging:
    return Hanging(models[0])


@contextmanager
def judging(source: Colours, first: Any, links: list[CascadeStage], intake: Intake) -> Iterator[Pipeline]:
    pipeline = Pipeline(source, Cascade(first, links), NoGate(), intake, MailboxPolicy("every"))
    line = threading.Thread(target=pipeline.run)
    line.start()
    try:
        yield pipeline
    finally:
        pipeline.stop()
        line.join()


def test_another_thread_goes_on_in_the_place_of_one_that_hangs(
    models: tuple[Model, Model], pictures: list[Image], hanging: Hanging
) -> None:
    intake = Intake()
    with judging(Colours(pictures, 20, pause_s=0.01), hanging, [], intake) as pipeline:
        assert not pipeline.abandon_hung_thread(), "nothing hangs yet"
        hanging.hangs.wait(60)
        assert not pipeline.abandon_hung_thread(), "nothing else is there to go on with"
        stuck = pipeline._decider
        pipeline.swap(Cascade(models[1], generation=1))
        assert pipeline.abandon_hung_thread()
        wait(lambda: pipeline.accounts.decided >= 10)
        hanging.let_go.set()
        stuck.join(10)
        assert not stuck.is_alive(), "it ends when it comes back"
        wait(lambda: pipeline.ended)
    kept = taken(intake)
    assert [one.judgement.part for one in kept] == [0, 1, *range(3, 20)], "one frame is lost, none is judged twice"
    assert [one.generation for one in kept] == [0, 0] + [1] * 17
    assert pipeline.accounts.dropped["failed"] == 1
    assert pipeline.accounts.balanced


def test_a_thread_that_is_left_behind_has_the_time_that_nobody_else_wants(
    models: tuple[Model, Model], pictures: list[Image], hanging: Hanging
) -> None:
    with judging(Colours(pictures, 20, pause_s=0.01), hanging, [], Intake()) as pipeline:
        hanging.hangs.wait(60)
        stuck = pipeline._decider.native_id
        assert stuck is not None
        assert os.sched_getscheduler(stuck) == os.SCHED_OTHER
        pipeline.swap(Cascade(models[1]))
        pipeline.abandon_hung_thread()
        assert os.sched_getscheduler(stuck) == os.SCHED_IDLE
        hanging.let_go.set()


def test_a_thread_that_hangs_in_a_further_model_is_not_left_behind(
    models: tuple[Model, Model], pictures: list[Image], hanging: Hanging
) -> None:
    """The cascade that would go on uses that model, too."""
    links: Any = [CascadeStage(hanging, frozenset(models[0].labels))]  # type: ignore[arg-type]
    with judging(Colours(pictures, 20), models[0], links, Intake()) as pipeline:
        hanging.hangs.wait(60)
        pipeline.swap(Cascade(models[1], generation=1))
        assert not pipeline.abandon_hung_thread()
        hanging.let_go.set()
