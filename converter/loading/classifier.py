"""Interface of a model for the preprocessing search, trained or ready."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from converter.preprocessing.conventions import Convention

ProbeInput = tuple[NDArray[np.uint8], Convention]
"""Pictures, (n, height, width, channels), 0..255 RGB or grey, and what they are to become."""


class Classifier(Protocol):
    """Shape of the pictures that a model takes, and number of classes that it tells apart."""

    @property
    def height(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def channels(self) -> int: ...
    @property
    def classes(self) -> int: ...

    def judge_each(self, asked: Iterable[ProbeInput]) -> list[NDArray[np.float32]]:
        """Raw outputs of each, (n, size), as if the model was trained with its convention. Raises ConversionError."""
        ...
