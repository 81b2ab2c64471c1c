from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge.drift import FEATURES, DriftWatch, Reference, WindowResult, decode_pane, measure
from edge.errors import ArtifactError, ConfigError
from edge.inference.frames.frame import Image

LABELS = ("whole", "broken")
SCORES = np.array([0.9, 0.1])


def picture(rng: np.random.Generator) -> Image:
    """A bright disc of varying place and size on a belt, with sensor noise; 48×48×3 BGR."""
    belt = np.full((48, 48, 3), (60, 70, 80), np.uint8)
    x, y, radius = (int(value) for value in rng.integers((18, 18, 9), (30, 30, 13)))
    cv2.circle(belt, (x, y), radius, (90, 140, 190), -1)
    light = rng.normal(1.0, 0.03)
    return np.clip(belt * light + rng.normal(0, 4, belt.shape), 0, 255).astype(np.uint8)


def scores(rng: np.random.Generator) -> NDArray[np.float64]:
    good = rng.beta(9, 2)
    return np.array([good, 1 - good])


@pytest.fixture(scope="module")
def reference() -> Reference:
    rng = np.random.default_rng(0)
    outputs = np.array([scores(rng) for _ in range(600)])
    features = np.array([measure(picture(rng)) for _ in range(600)])
    return Reference.fit(features, outputs, outputs.argmax(axis=1), LABELS, tuple(FEATURES))


def test_windows_tumble_and_say_what_they_cover(reference: Reference) -> None:
    rng = np.random.default_rng(1)
    watch = DriftWatch(reference, window=40)

    results = [watch.add(picture(rng), scores(rng), 0, 2 * i, 1000 + i) for i in range(120)]

    ends = [(i, result) for i, result in enumerate(results) if result is not None]
    assert [i for i, _ in ends] == [39, 79, 119]
    assert [result.number for _, result in ends] == [0, 1, 2]
    second = ends[1][1]
    assert (second.n, second.first_seq, second.last_seq) == (40, 80, 158)
    assert (second.start_ns, second.end_ns) == (1040, 1079)
    assert watch.close() is None


@pytest.mark.parametrize(("left_over", "judged"), [(0, False), (29, False), (30, True), (39, True)])
def test_the_last_window_is_judged_when_it_holds_enough(reference: Reference, left_over: int, judged: bool) -> None:
    rng = np.random.default_rng(1)
    watch = DriftWatch(reference, window=40)
    for seq in range(40 + left_over):
        watch.add(picture(rng), SCORES, 0, seq, seq)

    last = watch.close()

    assert (last is not None) == judged
    assert last is None or (last.number, last.n) == (1, left_over)
    assert watch.close() is None


@pytest.mark.parametrize(
    ("disturb", "first", "direction"),
    [
        (lambda image: (image * 0.7).astype(np.uint8), "brightness", -1),
        (lambda image: cv2.GaussianBlur(image, (5, 5), 0), "sharpness", -1),
        (lambda image: cv2.add(image, np.full_like(image, 30)), "brightness", 1),
    ],
    ids=["dimmed", "blurred", "brightened"],
)
def test_a_disturbed_camera_is_found_with_the_right_feature_first(
    reference: Reference, disturb, first: str, direction: int
) -> None:
    rng = np.random.default_rng(2)
    watch = DriftWatch(reference, window=100)

    def run(change) -> WindowResult:
        for seq in range(100):
            outputs = scores(rng)
            result = watch.add(change(picture(rng)), outputs, int(outputs.argmax()), seq, seq)
        assert result is not None
        return result

    quiet, disturbed = run(lambda image: image), run(disturb)

    assert not quiet.verdict.drifted
    assert disturbed.verdict.drifted
    strongest = disturbed.verdict.columns[0]
    assert (strongest.name, strongest.drifted) == (first, True)
    assert strongest.shift is not None
    assert strongest.shift * direction > 0.8


def test_no_picture_counts_as_missing_and_a_black_one_as_black(reference: Reference) -> None:
    watch = DriftWatch(reference, window=30)
    black = np.zeros((48, 48, 3), np.uint8)
    for seq in range(29):
        watch.add(None, None, None, seq, seq)

    result = watch.add(black, SCORES, 0, 29, 29)

    assert result is not None
    expectations = result.verdict.expectations
    assert (expectations["black"], expectations["constant"]) == (1, 1)
    assert expectations["missing"] == 29 * len(reference.columns)


def test_a_result_is_plain_json_whose_pane_a_monitor_can_merge(reference: Reference) -> None:
    rng = np.random.default_rng(3)
    watch = DriftWatch(reference, window=30)
    results = [watch.add(picture(rng), scores(rng), 0, seq, seq) for seq in range(60)]

    fields = [json.loads(json.dumps(result.to_dict())) for result in results if result is not None]

    assert fields[1]["verdict"]["n"] == 30
    both = decode_pane(fields[0]["pane"], reference).merge(decode_pane(fields[1]["pane"], reference))
    assert (both.n, both.first_seq, both.last_seq) == (60, 0, 59)


def test_a_reference_with_an_unknown_feature_says_so() -> None:
    reference = Reference.fit([[1.0]], [[0.5, 0.5]], [0], LABELS, ["brightnes"])

    with pytest.raises(ArtifactError, match="did you mean 'brightness'"):
        DriftWatch(reference)


def test_a_window_too_small_to_judge_is_refused(reference: Reference) -> None:
    with pytest.raises(ConfigError, match="at least 30"):
        DriftWatch(reference, window=29)
