"""Real time: when frames come, what a late reader gets, and how the line is closed."""

from __future__ import annotations

import itertools
import threading
import time

import pytest

from edge.inference.frames.frame import Frame
from edge.sim import SimulatedLine
from edge.sim.line import BUFFERS

SMALL = "sim://line?width=64&height=48"


def read_all(line: SimulatedLine) -> list[Frame]:
    return list(iter(line.read, None))


def test_frames_come_at_the_rate_asked_for():
    line = SimulatedLine.from_uri(f"{SMALL}&fps=50&count=10")
    assert line.live
    stamps = [frame.captured_ns for frame in read_all(line)]
    assert len(stamps) + line.missed == 10
    assert all((later - earlier) % 20_000_000 == 0 for earlier, later in itertools.pairwise(stamps))
    assert stamps[-1] - stamps[0] == 9 * 20_000_000
    assert time.monotonic_ns() >= stamps[-1]


def test_a_frame_is_handed_over_when_it_is_due_and_not_before():
    line = SimulatedLine.from_uri(f"{SMALL}&fps=20&count=5")
    offset_ns = time.time_ns() - time.monotonic_ns()
    delays = []
    while frame := line.read():
        delays.append(time.monotonic_ns() - frame.captured_ns)
        assert frame.wall_ns - frame.captured_ns == pytest.approx(offset_ns, abs=50_000_000)
    assert all(delay >= 0 for delay in delays)
    assert sorted(delays)[2] < 20_000_000


def test_a_late_reader_gets_the_buffered_frames_in_order_and_the_lost_ones_are_counted():
    line = SimulatedLine.from_uri(f"{SMALL}&fps=20&defects=0.5&seed=1")
    first = line.read()
    time.sleep(0.46)
    woken_ns = time.monotonic_ns()
    late = [line.read() for _ in range(BUFFERS)]
    stamps = [frame.captured_ns for frame in (first, *late) if frame]
    numbers = [round((stamp - stamps[0]) / 50_000_000) for stamp in stamps[1:]]
    assert numbers == list(range(numbers[0], numbers[0] + BUFFERS))
    assert stamps[BUFFERS - 1] < woken_ns  # they were waiting
    assert line.missed == numbers[0] - 1 > 0
    assert [frame.truth for frame in late if frame] == [line.truth(number) for number in numbers]


def test_frames_after_the_last_one_are_not_missed():
    line = SimulatedLine.from_uri(f"{SMALL}&fps=1000&count=20")
    line.read()
    time.sleep(0.1)
    assert len(read_all(line)) == BUFFERS
    assert line.missed == 20 - 1 - BUFFERS


def test_the_fast_pace_waits_for_its_reader_and_loses_nothing():
    line = SimulatedLine.from_uri(f"{SMALL}&fps=1&count=20&pace=fast")
    assert not line.live
    line.read()
    time.sleep(0.05)
    begun = time.monotonic()
    assert len(read_all(line)) == 19
    assert time.monotonic() - begun < 10
    assert line.missed == 0


def test_close_from_another_thread_ends_a_waiting_read():
    line = SimulatedLine.from_uri(f"{SMALL}&fps=0.01")
    assert line.read() is not None
    closer = threading.Timer(0.1, line.close)
    closer.start()
    begun = time.monotonic()
    assert line.read() is None
    assert time.monotonic() - begun < 2
    closer.join()


@pytest.mark.parametrize("pace", ["real", "fast"])
def test_a_closed_line_has_ended_and_may_be_closed_again(pace: str):
    line = SimulatedLine.from_uri(f"{SMALL}&pace={pace}")
    line.close()
    line.close()
    assert line.read() is None
