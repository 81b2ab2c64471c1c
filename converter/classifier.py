"""What the search for the preprocessing needs of a model, trained or ready."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from converter.conventions import Convention


class Classifier(Protocol):
    """What pictures a model takes, and how many classes it tells apart."""

    @property
    def height(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def channels(self) -> int: ...
    @property
    def classes(self) -> int: ...

    def judge(self, pixels: NDArray[np.uint8], convention: Convention) -> NDArray[np.float32]:
        """Raw outputs, (n, size), as if the model was trained with ``convention``.

        ``pixels``: (n, height, width, channels), 0..255 RGB or grey. Raises ConversionError.
        """
        ...
