"""Progress of a job: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TextIO

_BAR_S, _LINE_S = 0.2, 10.0
_WIDTH = 24


class BatchProgress:
    """Writes to ``stream``: on a terminal a bar five times a second, elsewhere a line every ten seconds."""

    def __init__(
        self,
        stream: TextIO,
        total: int | None,
        clock: Callable[[], float] = time.monotonic,
        every_s: float | None = None,
    ) -> None:
        """``total`` frames are expected, where that is known."""
        self._stream, self._total, self._clock = stream, total, clock
        self._bar = stream.isatty()
        self._every_s = every_s if every_s is not None else (_BAR_S if self._bar else _LINE_S)
        self._begun = self._shown = clock()
        self._done = self._skipped = 0
        self._length = 0

    def step(self, *, skipped: bool = False) -> None:
        """One more frame is done, or ``skipped`` because an earlier run did it."""
        self._done += 1
        self._skipped += skipped
        if self._clock() - self._shown >= self._every_s:
            self._show()

    def clear(self) -> None:
        """Takes the bar away, for a line that is to be read."""
        if self._bar and self._length:
            self._stream.write("\r" + " " * self._length + "\r")
            self._stream.flush()
            self._length = 0

    def _show(self) -> None:
        self._shown = self._clock()
        text = self._text()
        if self._bar:
            padded = text.ljust(self._length)
            self._length = len(text)
            self._stream.write("\r" + padded)
        else:
            self._stream.write(f"edge: {text}\n")
        self._stream.flush()

    def _text(self) -> str:
        rate = (self._done - self._skipped) / max(self._clock() - self._begun, 1e-9)
        if not self._total:
            return f"{self._done} frames, {rate:.1f}/s"
        share = min(1.0, self._done / self._total)
        bar = "#" * round(share * _WIDTH)
        left = max(0, self._total - self._done)
        eta = f", {_clock_time(left / rate)} left" if rate > 0 else ""
        return f"[{bar:.<{_WIDTH}}] {self._done}/{self._total} {share:4.0%}, {rate:.1f}/s{eta}"


def _clock_time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
