"""Pictures that a camera might have taken instead. Any will do: the float model names their scores anew."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SHIFT = 1 / 16
"""At most, of the side."""
CONTRAST = (0.8, 1.25)
BRIGHTNESS = 20.0
"""Grey levels, at most."""


def augment(pictures: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.float32]:
    """``pictures`` (n, height, width, channels): mirrored by chance, shifted, with other light; whole grey levels."""
    count, height, width, _ = pictures.shape
    most = max(1, round(SHIFT * min(height, width)))
    mirrored = np.where(rng.random((count, 1, 1, 1)) < 0.5, pictures[:, :, ::-1], pictures)
    padded = np.pad(mirrored, ((0, 0), (most, most), (most, most), (0, 0)), "edge")
    corners = rng.integers(0, 2 * most + 1, (count, 2))
    shifted = np.stack(
        [one[top : top + height, left : left + width] for one, (top, left) in zip(padded, corners, strict=True)]
    )
    lit = shifted * rng.uniform(*CONTRAST, (count, 1, 1, 1)) + rng.uniform(-BRIGHTNESS, BRIGHTNESS, (count, 1, 1, 1))
    result: NDArray[np.float32] = np.clip(np.round(lit), 0, 255).astype(np.float32)
    return result
