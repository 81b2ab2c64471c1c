"""Random numbers that depend on nothing but the seed, what they are for, and the part or frame."""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Use(IntEnum):
    """Use of random numbers. Each use has its own, so that one more draw in one changes no other."""

    DOUGH = 1
    BELT = 2
    TRUTH = 3
    PLACE = 4
    SHAPE = 5
    TOPPING = 6
    DEFECT = 7
    SENSOR = 8


def stream(seed: int, use: Use, number: int = 0) -> np.random.Generator:
    """The random numbers of one part or frame; ``seed`` and ``number`` are not negative."""
    return np.random.default_rng([use, seed, number])
