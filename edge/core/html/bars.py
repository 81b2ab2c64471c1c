"""Two histograms in one drawing."""

from __future__ import annotations

from collections.abc import Sequence

from edge.core.html.markup import Markup, tag


def pairs(before: Sequence[float], now: Sequence[float], width: float, height: float) -> list[Markup]:
    """A pair of SVG bars for each bin, of the classes ``before`` and ``now``; the tallest is ``height`` high."""
    most = max(*before, *now, 1e-12)
    wide = width / len(before)
    return [
        tag(
            "rect",
            x=f"{place * wide + (0.06 if side == 'before' else 0.5) * wide:.2f}",
            y=f"{height * (1 - share / most):.2f}",
            width=f"{0.44 * wide:.2f}",
            height=f"{height * share / most:.2f}",
            cls=side,
        )
        for side, shares in (("before", before), ("now", now))
        for place, share in enumerate(shares)
    ]
