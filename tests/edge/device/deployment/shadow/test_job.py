"""A rehearsal in a real child process, with models that really misbehave."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.device.config import SlotsConfig
from edge.device.deployment.shadow import FrameTap, ShadowCancelled, ShadowComparison, Worker, rehearse
from edge.device.deployment.shadow.worker import ModelSpec, ShadowModels
from edge.errors import ArtifactError
from edge.inference.frames.frame import Image


def shown(child: Worker, pictures: list[Image], times: int) -> ShadowComparison:
    comparison = ShadowComparison()
    for _ in range(times):
        for picture in pictures:
            comparison.add(*child.show(picture))
    return comparison


@pytest.fixture
def pictures(picture: Callable[..., Image]) -> list[Image]:
    return [picture(name) for name in ("red", "green", "blue")]


def test_both_models_judge_each_picture_and_are_timed(
    cast: Callable[..., ShadowModels], pictures: list[Image]
) -> None:
    with Worker(cast("plain")) as child:
        active, new = child.show(pictures[0])
        assert (active.label, active.reject, new.label, new.reject) == ("red", True, "red", True)
        assert child.show(pictures[1])[1].label == "green"
        comparison = shown(child, pictures, 5)
    assert comparison.agreement == 1.0
    assert comparison.rejected == (1 / 3, 1 / 3)
    assert all(0 < ms < 1000 for ms in comparison.ms)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("ends", r"brings its process down \(SIGABRT\) while judging a picture"),
        ("refuses", "the model cannot be run"),
        ("stalls", "hangs: judging a picture did not end within 1 s"),
    ],
)
def test_a_model_that_misbehaves_does_so_in_the_child(
    cast: Callable[..., ShadowModels], pictures: list[Image], name: str, said: str
) -> None:
    patience_s = 1.0 if name == "stalls" else 60.0
    with Worker(cast(name), answer_s=patience_s) as child, pytest.raises(ArtifactError, match=said):
        shown(child, pictures, 30)
    assert child._process.returncode is not None


def test_a_model_that_does_not_load_says_why(cast: Callable[..., ShadowModels], tmp_path: Path) -> None:
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(b"nothing of the kind, but long enough")
    well = cast("plain")
    with pytest.raises(ArtifactError, match="not a TFLite model"):
        Worker(ShadowModels(well.active, ModelSpec(broken, well.active.setup), (), 0.0))
    with pytest.raises(ArtifactError, match="nothing to measure it by: the active model does not load"):
        Worker(ShadowModels(ModelSpec(broken, well.active.setup), well.new, (), 0.0))


class Line:
    """Puts pictures into a tap until it is closed."""

    def __init__(self, tap: FrameTap, pictures: list[Image], pause_s: float) -> None:
        self._tap, self._pictures, self._pause_s = tap, pictures, pause_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        number = 0
        while not self._ended.wait(self._pause_s):
            self._tap.put(self._pictures[number % len(self._pictures)])
            number += 1

    def __enter__(self) -> Line:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()


def test_as_many_pictures_of_the_line_are_rehearsed_as_are_set(
    cast: Callable[..., ShadowModels], pictures: list[Image]
) -> None:
    tap = FrameTap()
    with Worker(cast("plain")) as child, Line(tap, pictures, 0.001):
        comparison = rehearse(child, tap, pictures, SlotsConfig(shadow=20), lambda: True)
    assert comparison.n == 20


def test_a_line_that_stands_still_leaves_it_to_the_golden_samples(
    cast: Callable[..., ShadowModels], pictures: list[Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.device.deployment.shadow.job.STILL_S", 0.2)
    with Worker(cast("plain")) as child:
        comparison = rehearse(child, FrameTap(), pictures, SlotsConfig(shadow=20), lambda: True)
    assert comparison.n == 3


def test_a_slow_line_is_not_waited_for_without_end(cast: Callable[..., ShadowModels], pictures: list[Image]) -> None:
    tap, began = FrameTap(), time.monotonic()
    with Worker(cast("plain")) as child, Line(tap, pictures, 0.3):
        comparison = rehearse(child, tap, pictures, SlotsConfig(shadow=1000, shadow_s=1.0), lambda: True)
    assert 4 <= comparison.n <= 8
    assert time.monotonic() - began < 30


def test_nobody_waits_for_a_rehearsal_that_is_not_wanted_any_more(cast: Callable[..., ShadowModels]) -> None:
    with Worker(cast("plain")) as child, pytest.raises(ShadowCancelled):
        rehearse(child, FrameTap(), [], SlotsConfig(), lambda: False)


def test_a_tap_hands_over_the_next_picture_and_holds_on_to_no_other(pictures: list[Image]) -> None:
    tap = FrameTap()
    tap.put(pictures[0])
    assert tap.take(0.0) is None
    with Line(tap, pictures[1:2], 0.001):
        assert tap.take(10) is pictures[1]
    tap.put(pictures[2])
    assert tap._picture is None
