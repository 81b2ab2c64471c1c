from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import ConfigError, SourceError, StateError
from edge.inference.parts import Box, Calibration, Parts, calibrate
from edge.sim import SimulatedLine


@pytest.fixture(scope="module")
def empty(belt_of_discs):
    return Calibration.fit([belt_of_discs(noise=seed) for seed in range(6)], Box(10, 20, 200, 100))


def test_a_calibration_survives_its_file(empty, tmp_path):
    empty.save(tmp_path / "belt.json")
    again = Calibration.load(tmp_path / "belt.json")
    assert again.to_bytes() == empty.to_bytes()
    assert again.region == Box(10, 20, 200, 100)
    np.testing.assert_array_equal(again.background, empty.background)
    np.testing.assert_array_equal(again.spread, empty.spread)


def test_a_missing_file_says_what_to_do(tmp_path):
    with pytest.raises(StateError, match="calibrate"):
        Calibration.load(tmp_path / "none.json")
    with pytest.raises(StateError):
        (tmp_path / "folder").mkdir()
        Calibration.load(tmp_path / "folder")


@settings(max_examples=60)
@given(st.data())
def test_damaged_bytes_are_refused_or_still_a_calibration(empty, data):
    raw = bytearray(empty.to_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    damaged = bytes(raw[: data.draw(st.integers(0, len(raw)))]) if data.draw(st.booleans()) else bytes(raw)
    try:
        assert Calibration.from_bytes(damaged).background.ndim == 3
    except ConfigError as error:
        assert "calibrate again" in str(error)


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 2},
        {"width": 10**9, "region": [0, 0, 10**9, 120]},
        {"region": [0, 0, 500, 100]},
        {"region": [1, 2, 3]},
        {"background": "AAAA"},
        {"background": "not base64!"},
        {"occupied": 2},
        {"spread": 5},
    ],
)
def test_fields_that_do_not_fit_are_refused(empty, change):
    with pytest.raises(ConfigError, match="calibrate again"):
        Calibration.from_bytes(json.dumps(json.loads(empty.to_bytes()) | change).encode())


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"[" * 100_000, b"\xff\xfe", b'{"schema": 1}'])
def test_what_is_no_calibration_is_refused(data):
    with pytest.raises(ConfigError, match="calibrate again"):
        Calibration.from_bytes(data)


def test_an_empty_belt_is_not_occupied(empty):
    assert empty.occupied < 0.03
    assert abs(int(empty.background.mean()) - 90) <= 1


@pytest.mark.slow
def test_a_moving_belt_with_parts_on_it_shows_the_same_belt(calibrated, frame):
    uri = "sim://line?trigger=free&pace=fast&speed=600&width=640&height=160&seed=8"
    line = SimulatedLine.from_uri(uri)
    busy, empty = calibrate(uri, 90), calibrated(line)
    assert busy.occupied > 0.15 > 0.05 > empty.occupied
    assert np.abs(busy.background.astype(int) - empty.background).mean() < 4
    parts, called = Parts(busy), 0
    for number in range(100, 200):
        parts.step(frame(line.image(number), number))
        called += len(parts.due)
    assert abs(called - 100 / 30 * 600 / 110) <= 2.5  # at either end parts may or may not have come to the line


def test_too_few_or_unlike_frames_are_refused(belt_of_discs):
    with pytest.raises(ConfigError, match="at least 3"):
        Calibration.fit([belt_of_discs()] * 2)
    with pytest.raises(ConfigError, match="differ in size"):
        Calibration.fit([belt_of_discs(), belt_of_discs()[:100]])
    with pytest.raises(ConfigError, match="region"):
        Calibration.fit([belt_of_discs()] * 3, Box(0, 0, 400, 100))


def test_a_source_without_pictures_is_named(tmp_path):
    with pytest.raises(SourceError):
        calibrate(str(tmp_path / "none.mp4"))


def test_pictures_that_show_no_belt_are_refused():
    rng = np.random.default_rng(1)
    with pytest.raises(ConfigError, match="empty belt"):
        Calibration.fit(rng.integers(0, 256, (12, 60, 80, 3)).astype(np.uint8))
