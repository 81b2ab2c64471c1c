"""Camera care: recognises pictures that come from an ill camera."""

from __future__ import annotations

import logging
from collections import deque

import cv2

from edge.inference.frames import condition
from edge.inference.frames.camera_monitor_options import CameraMonitorOptions
from edge.inference.frames.debounce import Debounce
from edge.inference.frames.events import CameraEvent, CameraFault
from edge.inference.frames.frame import Image
from edge.inference.frames.sharpness import Sharpness

log = logging.getLogger(__name__)

_APART_NS = 95_000_000
_BLACK_SHARE = 0.98
_SAME = 0.002
_REMEMBERED = 8
"""Pictures among which a repetition is looked for: a driver that hangs may hand out its buffers in turn."""
_MIN_REPEATED = 5
_SHARPNESS_EVERY = 3
"""Looks from one measurement of sharpness, the dearest of all, to the next; a lens does not change in a moment."""


class CameraMonitor:
    """Looks at one camera's small pictures, at most ten a second, and says when something begins or ends.

    Give it the model's resized input, never on the thread that decides. Only live sources can be ill: a folder may
    hold the same picture a hundred times. While the picture is black or saturated it is not judged further.

    >>> import numpy as np
    >>> care = Care(CareOptions(fault_s=1.0), name="camera://0")
    >>> black = np.zeros((96, 96, 3), np.uint8)
    >>> [event.fault for second in range(3) for event in care.see(black, second * 1_000_000_000)]
    ['black']
    >>> care.state[0].detail
    '100% of the picture is darker than 20; check the light and the lens cap'
    """

    def __init__(
        self, options: CameraMonitorOptions, name: str = "camera", usual_sharpness: float | None = None
    ) -> None:
        """``usual_sharpness`` is what :attr:`usual_sharpness` said before a restart: the lens may be dirty by now."""
        self._options, self._name = options, name
        hold_ns = round(options.fault_s * 1e9)
        self._spells: dict[CameraFault, Debounce] = {
            "black": Debounce(hold_ns, hold_ns),
            "saturated": Debounce(hold_ns, hold_ns),
            "frozen": Debounce(round(options.frozen_s * 1e9), hold_ns, _MIN_REPEATED),
        }
        self._sharpness = Sharpness(options.blurred_below, usual_sharpness)
        self._faults: dict[CameraFault, CameraEvent] = {}
        self._looked_ns: int | None = None
        self._looks = 0
        self._before: Image | None = None
        self._fingerprints: deque[tuple[float, ...]] = deque(maxlen=_REMEMBERED)

    @property
    def state(self) -> tuple[CameraEvent, ...]:
        """The faults that hold now, each as the event with which it began. Any thread may ask."""
        return tuple(self._faults.values())

    @property
    def usual_sharpness(self) -> float | None:
        """Sharpness that others are compared with, 0 to 1, to be kept over a restart; None until it is learnt."""
        return self._sharpness.usual

    def see(self, small: Image, captured_ns: int) -> list[CameraEvent]:
        """Faults that this picture, H×W×3 uint8 BGR, begins or ends. Each event is logged once, here.

        ``captured_ns`` is its monotonic time of capture; all durations are measured with it.
        """
        if self._looked_ns is not None and 0 <= captured_ns - self._looked_ns < _APART_NS:
            return []
        self._looked_ns = captured_ns
        self._looks += 1
        grey = condition.luma(small)
        events = self._see_light(grey, captured_ns)
        if not (self._spells["black"].on or self._spells["saturated"].on):
            events += self._see_repetition(small, captured_ns) + self._see_sharpness(grey, captured_ns)
        for event in events:
            _say(self._name, event)
        return events

    def _see_light(self, grey: Image, now: int) -> list[CameraEvent]:
        events, level, most = [], self._options.black_level, self._options.saturated_share
        if level:
            dark = condition.share_below(grey, level)
            detail = f"{dark:.0%} of the picture is darker than {level}; check the light and the lens cap"
            events += self._spell("black", dark >= _BLACK_SHARE, now, detail)
        if most:
            clipped = condition.share_from(grey, condition.CLIPPED)
            detail = f"{clipped:.0%} of the picture is clipped, allowed {most:.0%}; check exposure and light"
            events += self._spell("saturated", clipped > most, now, detail)
        return events

    def _see_repetition(self, small: Image, now: int) -> list[CameraEvent]:
        if not self._options.frozen_s:
            return []
        detail = "the same picture again and again; check or restart the camera"
        return self._spell("frozen", self._repeats(small), now, detail)

    def _repeats(self, small: Image) -> bool:
        mark = condition.fingerprint(small)
        before, known = self._before, mark in self._fingerprints
        self._fingerprints.append(mark)
        self._before = small.copy()
        if before is None or before.shape != small.shape:
            return False
        return known or cv2.norm(small, before, cv2.NORM_L1) <= _SAME * small.size

    def _see_sharpness(self, grey: Image, now: int) -> list[CameraEvent]:
        if not self._options.blurred_below or self._looks % _SHARPNESS_EVERY:
            return []
        sharpness = condition.edge_sharpness(grey)
        was = "blurred" in self._faults
        verdict = None if sharpness is None else self._sharpness.see(sharpness, now, was)
        if verdict is None or verdict[0] is was:
            return []
        since_ns = self._faults["blurred"].since_ns if was else verdict[1]
        detail = f"{self._sharpness.share:.0%} of its usual sharpness; clean the lens, check the focus"
        return [self._turn("blurred", not was, since_ns, now, detail)]

    def _spell(self, fault: CameraFault, holds: bool, now: int, detail: str) -> list[CameraEvent]:
        spell = self._spells[fault]
        return [self._turn(fault, spell.on, spell.since_ns, now, detail)] if spell.see(holds, now) else []

    def _turn(self, fault: CameraFault, begins: bool, since_ns: int, now: int, detail: str) -> CameraEvent:
        event = CameraEvent(fault, begins, since_ns, now, detail if begins else "clear again")
        # A new dictionary, because other threads may be reading the old one.
        others = {name: held for name, held in self._faults.items() if name != fault}
        self._faults = others | {fault: event} if begins else others
        return event


def _say(name: str, event: CameraEvent) -> None:
    if event.begins:
        log.warning("%s is %s: %s", name, event.fault, event.detail)
    else:
        log.info("%s is no longer %s, after %.0f s", name, event.fault, event.lasted_s)
