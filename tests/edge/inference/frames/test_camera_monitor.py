"""Camera care on the simulated line: it sees what is wrong with a camera, and nothing where nothing is wrong."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.inference.frames import Image, capture
from edge.inference.frames.camera_monitor import CameraMonitor
from edge.inference.frames.camera_monitor_options import CameraMonitorOptions
from edge.inference.frames.condition import edge_sharpness, luma
from edge.inference.frames.debounce import Debounce
from edge.inference.frames.events import CameraEvent
from edge.sim import SimulatedLine

SECOND = 1_000_000_000
LOOK = SECOND // 10
SIZE = 96


def small(image: Image, size: int = SIZE) -> Image:
    return np.asarray(cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA), np.uint8)


@pytest.fixture(scope="module")
def belt() -> list[Image]:
    """Forty parts of the simulated line, small."""
    return [small(SimulatedLine.from_uri("sim://line?seed=3").image(part)) for part in range(40)]


@pytest.fixture(scope="module")
def noisy_still() -> Callable[[int], Image]:
    """The belt stands still: one scene, of which each picture has noise of its own."""
    scene = SimulatedLine.from_uri("sim://line?seed=3&noise=0").image(4).astype(np.float32)
    rng = np.random.default_rng(5)
    noise = [rng.normal(0, 3, scene.shape).astype(np.float32) for _ in range(12)]

    def picture(number: int) -> Image:
        mixed = noise[number % 12] + noise[number // 12 % 12] + noise[number // 144 % 12]
        return small(np.clip(scene + mixed / 1.73, 0, 255).astype(np.uint8))

    return picture


def watch(
    care: CameraMonitor, pictures: Iterable[Image], start_ns: int = 0, step_ns: int = LOOK
) -> list[CameraEvent]:
    return [event for i, picture in enumerate(pictures) for event in care.see(picture, start_ns + i * step_ns)]


def blurred(image: Image, sigma: float) -> Image:
    """Blurred as by a lens, and with the sensor's noise on top."""
    noise = np.random.default_rng(int(sigma * 1e6)).normal(0, 1, image.shape)
    smooth = cv2.GaussianBlur(image, (0, 0), sigma) if sigma > 0 else image
    return np.clip(smooth + noise, 0, 255).astype(np.uint8)


def test_a_belt_that_runs_is_well(belt: list[Image]) -> None:
    care = CameraMonitor(CameraMonitorOptions())
    assert watch(care, belt * 100) == []
    assert care.state == ()
    assert care.usual_sharpness is not None


def test_a_still_belt_with_noise_is_not_frozen_over_hours(noisy_still: Callable[[int], Image]) -> None:
    """Two hours, a picture a second, no two of them alike."""
    care = CameraMonitor(CameraMonitorOptions())
    pictures = [noisy_still(number) for number in range(1728)]
    assert watch(care, (pictures[i % 1728] for i in range(7200)), step_ns=SECOND) == []


def test_the_same_picture_again_and_again_is_frozen_after_the_time_set(belt: list[Image]) -> None:
    care = CameraMonitor(CameraMonitorOptions(frozen_s=3.0))
    events = watch(care, belt + [belt[-1]] * 50 + belt)
    assert [(event.fault, event.begins) for event in events] == [("frozen", True), ("frozen", False)]
    began = events[0]
    assert began.since_ns == 40 * LOOK
    assert began.lasted_s == pytest.approx(3.0, abs=0.11)


def test_a_driver_that_hands_out_its_four_buffers_in_turn_is_frozen(belt: list[Image]) -> None:
    events = watch(CameraMonitor(CameraMonitorOptions()), belt + belt[:4] * 40)
    assert [event.fault for event in events] == ["frozen"]


def test_a_picture_now_and_then_is_not_frozen_before_it_was_repeated_often(belt: list[Image]) -> None:
    """A triggered camera: two pictures a minute, twice the same one."""
    assert watch(CameraMonitor(CameraMonitorOptions()), [belt[0], belt[0], *belt], step_ns=30 * SECOND) == []


@pytest.mark.parametrize(("value", "fault"), [(0, "black"), (12, "black"), (255, "saturated")])
def test_black_and_saturated_pictures_are_faults_once_they_last(belt: list[Image], value: int, fault: str) -> None:
    care = CameraMonitor(CameraMonitorOptions())
    ill = [np.full((SIZE, SIZE, 3), value, np.uint8)] * 100
    events = watch(care, belt + ill + belt)
    assert [(event.fault, event.begins) for event in events] == [(fault, True), (fault, False)]
    assert events[0].since_ns == 40 * LOOK
    assert events[0].lasted_s == pytest.approx(2.0, abs=0.11)
    assert events[1].at_ns - 140 * LOOK == pytest.approx(2 * SECOND, abs=LOOK)
    assert care.state == ()


def test_too_much_light_on_the_real_scene_is_saturated(belt: list[Image]) -> None:
    bright = [np.clip(picture.astype(int) * 6, 0, 255).astype(np.uint8) for picture in belt]
    care = CameraMonitor(CameraMonitorOptions())
    watch(care, belt + bright)
    assert [event.fault for event in care.state] == ["saturated"]


def test_a_flash_is_no_fault(belt: list[Image]) -> None:
    white = np.full((SIZE, SIZE, 3), 255, np.uint8)
    assert watch(CameraMonitor(CameraMonitorOptions()), [*belt, *[white] * 15, *belt, *[white] * 15, *belt]) == []


def test_a_lens_that_is_suddenly_smeared_is_reported_within_twenty_seconds(belt: list[Image]) -> None:
    care = CameraMonitor(CameraMonitorOptions())
    assert watch(care, belt * 10) == []
    events = watch(care, (blurred(belt[i % 40], 2.5) for i in range(200)), start_ns=400 * LOOK)
    assert [(event.fault, event.begins) for event in events] == [("blurred", True)]
    cleaned = watch(care, belt * 5, start_ns=600 * LOOK)
    assert [(event.fault, event.begins) for event in cleaned] == [("blurred", False)]


def test_dust_that_settles_over_days_does_not_become_usual(belt: list[Image]) -> None:
    """Four days, a picture every twenty seconds; the blur grows from nothing to two pixels."""
    care, looks = CameraMonitor(CameraMonitorOptions()), 4 * 24 * 180
    levels = [[blurred(picture, sigma) for picture in belt[:20]] for sigma in np.linspace(0, 2, 20)]
    events = watch(care, (levels[i * 20 // looks][i % 20] for i in range(looks)), step_ns=20 * SECOND)
    assert [event.fault for event in events] == ["blurred"]
    day = events[0].at_ns / SECOND / 86400
    assert 0.5 < day < 3.5


def test_what_was_usual_outlives_a_restart(belt: list[Image]) -> None:
    before = CameraMonitor(CameraMonitorOptions())
    watch(before, belt * 5)
    dirty = [blurred(picture, 2.5) for picture in belt]
    assert watch(CameraMonitor(CameraMonitorOptions()), dirty * 5) == []
    after = watch(CameraMonitor(CameraMonitorOptions(), usual_sharpness=before.usual_sharpness), dirty * 5)
    assert [event.fault for event in after] == ["blurred"]


def test_neither_noise_nor_dim_light_nor_an_empty_belt_is_blur(belt: list[Image]) -> None:
    care, rng = CameraMonitor(CameraMonitorOptions()), np.random.default_rng(3)
    empty = [rng.normal(90, 2, (SIZE, SIZE, 3)).astype(np.uint8) for _ in range(40)]
    dim = [(picture * 0.4 + 15).astype(np.uint8) for picture in belt]
    noisy = [np.clip(p + rng.normal(0, 8, p.shape), 0, 255).astype(np.uint8) for p in belt]
    assert watch(care, [*belt * 5, *empty * 5, *dim * 5, *noisy * 5]) == []


def test_each_check_can_be_turned_off(belt: list[Image]) -> None:
    off = CameraMonitorOptions(black_level=0, saturated_share=0.0, frozen_s=0.0, blurred_below=0.0)
    white, black = np.full((SIZE, SIZE, 3), 255, np.uint8), np.zeros((SIZE, SIZE, 3), np.uint8)
    pictures = [*belt * 5, *[white] * 200, *[black] * 200, *[blurred(picture, 3) for picture in belt] * 5]
    assert watch(CameraMonitor(off), pictures) == []


def test_what_is_seen_is_logged_once_for_each_transition(belt: list[Image], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    black = [np.zeros((SIZE, SIZE, 3), np.uint8)] * 2000
    watch(CameraMonitor(CameraMonitorOptions(), "camera://0"), black + belt)
    assert [record.getMessage() for record in caplog.records] == [
        "camera://0 is black: 100% of the picture is darker than 20; check the light and the lens cap",
        "camera://0 is no longer black, after 202 s",
    ]


def test_at_most_ten_pictures_a_second_are_looked_at(belt: list[Image]) -> None:
    care = CameraMonitor(CameraMonitorOptions(frozen_s=0.5))
    assert watch(care, [belt[0]] * 200, step_ns=SECOND // 1000) == []  # 0.2 s: two looks


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 4 * SECOND)), max_size=60),
    st.integers(0, 5 * SECOND),
    st.integers(0, 5 * SECOND),
)
def test_a_spell_begins_and_ends_in_turn_and_never_early(
    seen: list[tuple[bool, int]], begin_ns: int, end_ns: int
) -> None:
    spell, now, turns = Debounce(begin_ns, end_ns), 0, []
    for holds, step in seen:
        now += step
        if spell.see(holds, now):
            turns.append(spell.on)
            assert spell.on is holds
            assert not spell.on or now - spell.since_ns >= begin_ns
    assert turns == [i % 2 == 0 for i in range(len(turns))]


@pytest.mark.parametrize("size", [96, 224])
def test_sharpness_falls_with_blur_and_not_with_noise_or_contrast(size: int) -> None:
    def of(options: str) -> float:
        line = SimulatedLine.from_uri(f"sim://line?seed=3&at=0:{options}")
        values = [edge_sharpness(luma(small(line.image(part), size))) for part in range(12)]
        return float(np.median([value for value in values if value is not None]))

    sharp, two, four = of("blur=0"), of("blur=2"), of("blur=4")
    assert sharp > two > four
    assert four < 0.75 * sharp
    assert of("noise=10") == pytest.approx(sharp, rel=0.05)
    assert of("light=0.4") == pytest.approx(sharp, rel=0.08)


@pytest.mark.thirdparty
@pytest.mark.parametrize("size", [96, 224])
@pytest.mark.parametrize(
    "name",
    [
        "pizza_line_results.mp4",
        "bottle-detection.mp4",
        "bolt-multi-size-detection.gif",
        "fruit-and-vegetable-detection.gif",
    ],
)
def test_real_videos_raise_no_false_alarm(shared_data: Path, name: str, size: int) -> None:
    care, pictures = CameraMonitor(CameraMonitorOptions()), []
    for number, frame in enumerate(capture(str(shared_data / "video" / name))):
        assert frame.image is not None
        if number % 3 == 0:  # thirty pictures a second, of which ten are looked at
            pictures.append(small(frame.image, size))
    assert watch(care, pictures * (1 + 400 // len(pictures))) == []
