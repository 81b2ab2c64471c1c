"""The interpreter's own work, kept out of the way."""

from __future__ import annotations

import gc
import sys
import weakref

from edge.device.pipeline import steady
from edge.device.pipeline.steady import SWITCH_S, tidy


class Knot:
    """Refers to itself: only a collection frees it."""

    def __init__(self) -> None:
        self.me = self


def test_nothing_is_collected_by_itself_meanwhile_and_circles_go_when_it_is_time() -> None:
    before = sys.getswitchinterval()
    with steady():
        assert not gc.isenabled()
        assert sys.getswitchinterval() == SWITCH_S
        gone = weakref.ref(Knot())
        kept = [[number] for number in range(50_000)]  # would start several collections
        assert len(kept) == 50_000
        assert gone() is not None
        tidy()
        assert gone() is None
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
    assert sys.getswitchinterval() == before
