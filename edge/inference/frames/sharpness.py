"""Whether a camera has become less sharp than it was: a dirty lens, a lost focus."""

from __future__ import annotations

from statistics import median

WINDOW = 30
"""Measurements that make one judgement: nine seconds, where every third of ten looks a second is measured."""
_RISE = 0.1
_MARGIN = 0.05


class Sharpness:
    """Compares the median of every thirty measurements with the best that this camera usually shows.

    The usual value rises by a tenth of the difference with every sharper thirty and never falls, so dust that
    settles over weeks does not become usual. A new product with softer edges may be reported, too; a new ``usual``
    of None learns anew.
    """

    def __init__(self, below: float, usual: float | None = None) -> None:
        self.usual = usual
        """Sharpness (:func:`~edge.inference.frames.condition.edge_sharpness`) of the clean lens; None until it is
        learnt."""
        self.share = 1.0
        """The last thirty's sharpness as a share of the usual."""
        self._below = below
        self._seen: list[float] = []
        self._began_ns = 0

    def see(self, sharpness: float, now_ns: int, blurred: bool) -> tuple[bool, int] | None:
        """After each thirty measurements whether they are blurred, and when the first was taken; else None."""
        if not self._seen:
            self._began_ns = now_ns
        self._seen.append(sharpness)
        if len(self._seen) < WINDOW:
            return None
        middle = median(self._seen)
        self._seen.clear()
        if self.usual is None:
            self.usual = middle
        self.usual += _RISE * max(0.0, middle - self.usual)
        self.share = middle / self.usual if self.usual else 1.0
        return self.share < self._below + (_MARGIN if blurred else 0.0), self._began_ns
