"""Parts on the simulated belt through the pipeline, at three speeds: how many are judged exactly once."""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Iterator

from edge.device.pipeline import Cut, FollowedParts, MailboxPolicy, Pipeline
from edge.gates import NoGate
from edge.inference.cascade import Cascade
from edge.inference.frames import Frame
from edge.inference.judgement import Judgement
from edge.inference.model import load
from edge.inference.parts import Parts, calibrate
from edge.sim import SimulatedLine
from tests.bench.setting import Setting
from tests.bench.timing import Row, Unwatched

SPEEDS = (200, 500, 1200)
PARTS = 345
"""At each speed."""
LEAST = 99.9
URI = "sim://line?trigger=free&pace=fast&width=640&height=160&defects=0.4&seed=21"
EDGE_MM = 25


def rows(setting: Setting) -> Iterator[Row]:
    """Which model does not matter."""
    chain = Cascade(load(setting.model, given=setting.given))
    for speed in SPEEDS:
        line = SimulatedLine.from_uri(f"{URI}&speed={speed}")
        frames = round(PARTS * 110 / speed * line.options.fps)
        judged = _judge(chain, speed, frames)
        seen = _passed(line, frames)
        once = sum(judged[part] == 1 for part in seen)
        twice = sum(count > 1 for count in judged.values())
        share = 100 * once / len(seen)
        name = f"parts at {speed} mm/s judged exactly once, of {len(seen)} ({twice} twice, {len(seen) - once} missed)"
        yield Row(name, share, None, "%", f"≥ {LEAST}", share >= LEAST and not twice)


class Crossing(NoGate):
    """Knows which part is under the centre line at a frame."""

    def __init__(self, line: SimulatedLine, moments: list[int]) -> None:
        self.judged: Counter[int] = Counter()
        self._line, self._moments = line, moments

    def act(self, judgement: Judgement) -> None:
        frame = bisect.bisect_left(self._moments, judgement.captured_ns)
        self.judged[self._line.belt.nearest(self._line.belt.travelled(frame / self._line.options.fps))] += 1


class Counted:
    """The line, with the moment of every frame kept."""

    live = False

    def __init__(self, line: SimulatedLine) -> None:
        self.moments: list[int] = []
        self._line = line

    def read(self) -> Frame | None:
        frame = self._line.read()
        if frame is not None:
            self.moments.append(frame.captured_ns)
        return frame

    def close(self) -> None:
        self._line.close()


def _judge(chain: Cascade, speed: int, frames: int) -> Counter[int]:
    line = SimulatedLine.from_uri(f"{URI}&speed={speed}&count={frames}")
    source = Counted(line)
    gate = Crossing(line, source.moments)
    stage = FollowedParts(Parts(calibrate(f"{URI}&speed={speed}&count=60", frames=60)), Cut())
    Pipeline(source, chain, gate, Unwatched(), MailboxPolicy("every"), stage=stage).run()
    return gate.judged


def _passed(line: SimulatedLine, frames: int) -> list[int]:
    """Those that crossed the centre line between the first and the last frame, but for those next to it then."""
    start, end = (line.belt.travelled(number / line.options.fps) for number in (0, frames - 1))
    parts = line.belt.parts_between(start, end)
    return [part for part in parts if start + EDGE_MM < line.belt.place(part)[0] < end - EDGE_MM]
