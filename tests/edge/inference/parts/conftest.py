from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from edge.inference.frames import Frame, Image
from edge.inference.parts import Calibration
from edge.sim import SimulatedLine
from edge.sim.scene import Scene


def _empty(line: SimulatedLine, frames: int = 15) -> Iterator[Image]:
    """Pictures of the line's belt long before its first part."""
    options = line.options
    scene = Scene(options.seed, options.width, options.height)
    for frame in range(frames):
        yield scene.render(line.belt, frame, -2000.0 - 7.3 * frame, line.truth, line._schedule(0))


@pytest.fixture(scope="session")
def calibrated() -> Callable[[SimulatedLine], Calibration]:
    """``calibrated(line)``: calibration on the simulated line's empty belt, one for all lines with that belt."""
    made: dict[tuple[object, ...], Calibration] = {}

    def calibrate(line: SimulatedLine) -> Calibration:
        options = line.options
        belt = options.seed, options.width, options.height, line._schedule(0)
        if belt not in made:
            made[belt] = Calibration.fit(_empty(line))
        return made[belt]

    return calibrate


@pytest.fixture(scope="session")
def belt_of_discs() -> Callable[..., Image]:
    """``belt_of_discs((x, y), ..., radius=20)``: bright discs on a grey belt of 320×240, seen by a sensor with noise.

    ``noise`` chooses what is cut out of one sheet of it.
    """
    sheet = np.random.default_rng(0).normal(90, 3, (304, 384, 3)).astype(np.uint8)
    y, x = np.ogrid[:240, :320]

    def draw(*centres: tuple[float, float], radius: float = 20, noise: int = 0) -> Image:
        top, left = np.random.default_rng(noise).integers(0, 64, 2)
        image = sheet[top : top + 240, left : left + 320].copy()
        for along, across in centres:
            image[(x - along) ** 2 + (y - across) ** 2 < radius**2] = (60, 160, 230)
        return image

    return draw


@pytest.fixture(scope="session")
def frame() -> Callable[..., Frame]:
    """``frame(image, number)``: taken ``number`` thirtieths of a second after the clock's first second."""
    return lambda image, number=0: Frame(image, 10**9 + round(number / 30 * 1e9), 0)
