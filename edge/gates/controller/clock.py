"""The controller's clock and belt, as seen from here: offset by round trips, ticks by extrapolation."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

_KEPT = 64
_DRIFT = 1e-4
"""Drift of two crystals against each other: 100 ppm is worse than any."""
_BELT_NS = 1_000_000_000
"""The belt's speed is the mean over so long …"""
_MIN_BELT_NS = 100_000_000
"""… and not known before."""


class _Sample(NamedTuple):
    at_ns: int
    offset_ns: int
    delay_ns: int


class Clock:
    """Maps the controller's microseconds, modulo 2**32, to ``time.monotonic_ns``.

    The offset is that of the round trip with the least delay among the latest (the clock filter of NTP, RFC 5905
    section 10), where an old one counts as slower, by as much as the clocks may have drifted apart since. Two round
    trips that cannot both be right mean that the controller's clock was set: then only the new one counts.
    """

    def __init__(self) -> None:
        self.delay_ns = 0
        """Delay of the best round trip, so the offset is right to half of it; 0 before the first."""
        self.ticks_per_s = 0.0
        """0 also while it is not known yet, the first tenth of a second."""
        self._samples: deque[_Sample] = deque(maxlen=_KEPT)
        self._belt: deque[tuple[int, int]] = deque()
        self._us = 0
        self._offset_ns = 0

    @property
    def samples(self) -> int:
        """Round trips that it rests on."""
        return len(self._samples)

    def add(self, sent_ns: int, received_ns: int, time_us: int, tick: int) -> None:
        """A round trip: when it was asked and answered here, and what the controller's clock and belt were."""
        self._us = self._extended(time_us) if self._samples else time_us
        sample = _Sample(received_ns, (sent_ns + received_ns) // 2 - self._us * 1000, max(1, received_ns - sent_ns))
        if self._samples and self._was_set(sample):
            self._samples.clear()
            self._belt.clear()
        self._samples.append(sample)
        best = min(self._samples, key=lambda known: known.delay_ns + _DRIFT * (received_ns - known.at_ns))
        self._offset_ns, self.delay_ns = best.offset_ns, best.delay_ns
        self._add_belt((sent_ns + received_ns) // 2, tick)

    @property
    def tick(self) -> int:
        """The encoder's count, as it was said last."""
        return self._belt[-1][1] if self._belt else 0

    @property
    def seen_ns(self) -> int:
        """When that was."""
        return self._belt[-1][0] if self._belt else 0

    def host_ns(self, time_us: int) -> int:
        """``time.monotonic_ns`` when the controller's clock stood at ``time_us``, half an hour from now at most."""
        return self._extended(time_us) * 1000 + self._offset_ns

    def tick_at(self, at_ns: int) -> int:
        """The encoder's count at that time, modulo 2**32, if the belt has gone on as it did."""
        seen_ns, tick = self._belt[-1] if self._belt else (at_ns, 0)
        return tick + round((at_ns - seen_ns) * self.ticks_per_s / 1e9)

    def _extended(self, time_us: int) -> int:
        return self._us + signed(time_us - self._us)

    def _was_set(self, new: _Sample) -> bool:
        apart = abs(new.offset_ns - self._offset_ns)
        return apart > (new.delay_ns + self.delay_ns) / 2 + _DRIFT * (new.at_ns - self._samples[0].at_ns)

    def _add_belt(self, at_ns: int, tick: int) -> None:
        belt = self._belt
        belt.append((at_ns, tick))
        while len(belt) > 2 and at_ns - belt[1][0] > _BELT_NS:
            belt.popleft()
        passed_ns = at_ns - belt[0][0]
        if passed_ns >= _MIN_BELT_NS:
            self.ticks_per_s = max(0, signed(tick - belt[0][1])) * 1e9 / passed_ns


def signed(difference: int) -> int:
    """Difference of two numbers modulo 2**32, the one nearest to 0."""
    return (difference + (1 << 31)) % (1 << 32) - (1 << 31)
