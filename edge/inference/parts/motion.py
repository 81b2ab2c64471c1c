"""Motion of the belt between two frames, as the parts on it tell."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from edge.inference.parts.finder import Boxes

Vector = NDArray[np.float32]
"""Shape (2,): to the right and down, pixels of the working picture."""

_MEMORY = 15
_ESTABLISHED = 3
_SKIPS = (1.0, 2.0, 3.0, 0.0)  # as expected, one or two frames missing, the belt stands still
_ENOUGH = 0.5  # of the parts that should still be in view agree
_BETTER = 0.2  # an explanation that is less likely must find so many more
_MORE = 0.5
_JUMP = 3.5  # times the fastest of the last steps
_MAX_CANDIDATES = 64
_CLEAR, _LONG = 4.0, 20.0  # working pixels
_AGREE = 2.0  # working pixels


def displacements(before: Boxes, after: Boxes, width: int, height: int) -> NDArray[np.float32]:
    """n×m×2: how far each of n boxes would have moved to become each of m.

    Where a box is cut by the picture's border, only its other edge tells; and across that, as more or less of the
    part comes to be seen, the step is taken for as small as the edges allow.
    """
    edges = after[None] - before[:, None]
    low, high = edges[..., :2], edges[..., 2:]
    far = np.array((width, height), np.float32) - 1
    cut_low = (before[:, None, :2] < 1) | (after[None, :, :2] < 1)
    cut_high = (before[:, None, 2:] > far) | (after[None, :, 2:] > far)
    across = (cut_low | cut_high)[..., ::-1]
    least = np.clip(0, np.minimum(low, high), np.maximum(low, high))
    steps = np.where(across, least, (low + high) / 2)
    return np.asarray(np.where(cut_low & ~cut_high, high, np.where(cut_high & ~cut_low, low, steps)), np.float32)


class Motion:
    """The belt's velocity: what its last steps agree on; its direction: that of all it has travelled.

    ``given`` fixes the velocity, in working pixels per frame; ``direction`` (a unit vector) only its direction.
    """

    def __init__(self, given: Vector | None = None, direction: Vector | None = None) -> None:
        self._given = given
        self._fixed = direction
        self._steps: deque[Vector] = deque(maxlen=_MEMORY)
        self._total = np.zeros(2, np.float32)
        self.velocity: Vector = np.zeros(2, np.float32) if given is None else given

    @property
    def known(self) -> bool:
        """Whether the velocity was given, or measured at least once."""
        return self._given is not None or bool(self._steps)

    @property
    def direction(self) -> Vector | None:
        """Unit vector, or None until the belt has moved clearly: one long step, or several."""
        if self._fixed is not None:
            return self._fixed
        length = float(np.hypot(*self._total))
        clear = length >= _LONG or (length >= _CLEAR and len(self._steps) > 2)
        return self._total / np.float32(length) if clear else None

    def measure(self, steps: NDArray[np.float32], tolerances: Vector, leaving: Vector, elapsed: float) -> Vector:
        """Measures the motion of the belt. ``steps``: n×m×2 displacements; ``tolerances``: n, pixels.

        ``leaving``: n, how far each part may move along the direction before it is out of view; such a part need
        not be found again. ``elapsed``: frames since the last one, as far as known.
        """
        expected = self.velocity * np.float32(elapsed)
        if not steps.size:
            return expected
        best, best_share = expected, 0.0
        for skip in _SKIPS if self.known else ():
            share = self._share(steps, tolerances, leaving, expected * np.float32(skip))
            if share >= _ENOUGH and share > best_share + _BETTER:
                best, best_share = expected * np.float32(skip), share
            if best_share > 1 - _BETTER:
                break
        if best_share < _ENOUGH:
            best = self._free(steps, tolerances, best)
        return best

    def learn(self, matched: NDArray[np.float32], elapsed: float) -> Vector:
        """The step from the matched parts' own steps (n×2, n ≥ 1); remembers it for the next frame."""
        step = _core(matched)
        self._total = self._total + step
        if self._given is None:
            self._steps.append(step / np.float32(max(elapsed, 0.1)))
            self.velocity = _core(np.stack(self._steps))
        return step

    def _share(self, steps: NDArray[np.float32], tolerances: Vector, leaving: Vector, step: Vector) -> float:
        """Share of the parts that should still be in view that is there (1 when none should)."""
        here = leaving > self._along(step)
        return float(_fits(steps, tolerances, step)[here].sum() / here.sum()) if here.any() else 1.0

    def _free(self, steps: NDArray[np.float32], tolerances: Vector, best: Vector) -> Vector:
        """The step that most parts agree on; of equals, the nearest to what was expected.

        A belt that is known neither runs back nor jumps: else a part that is missed for a frame, and another where
        its neighbour was, would pass for a long step.
        """
        candidates = steps.reshape(-1, 2)
        along = np.array([self._along(step) for step in candidates])
        if self._fixed is not None or len(self._steps) >= _ESTABLISHED:
            candidates, along = candidates[along >= -1], along[along >= -1]
        if len(self._steps) >= _ESTABLISHED:
            fastest = max(float(np.hypot(*step)) for step in self._steps)
            candidates = candidates[along <= _JUMP * fastest + tolerances.max()]
        best_count = float(_fits(steps, tolerances, best).sum()) if self.known else 0.0
        nearness = np.linalg.norm(candidates - (best if self.known else 0), axis=1)
        for step in candidates[np.argsort(nearness)][:_MAX_CANDIDATES]:
            count = float(_fits(steps, tolerances, step).sum())
            if count > best_count + _MORE:
                best, best_count = step, count
        return best

    def _along(self, step: Vector) -> float:
        direction = self.direction
        return float(np.hypot(*step)) if direction is None else float(step @ direction)


def _fits(steps: NDArray[np.float32], tolerances: Vector, step: Vector) -> Vector:
    """Shape (n,): how well each part is found where a step of the belt would bring it, 0 to 1."""
    away = np.linalg.norm(steps - step, axis=-1).min(axis=1)
    return np.asarray(np.clip(1 - np.square(away / tolerances), 0, 1), np.float32)


def _core(steps: NDArray[np.float32]) -> Vector:
    """The mean of the n×2 steps that are near to their median: a median alone would be a whole pixel."""
    near = np.abs(steps - np.median(steps, axis=0)).max(axis=1) <= _AGREE
    return np.asarray((steps[near] if near.any() else steps).mean(axis=0), np.float32)
