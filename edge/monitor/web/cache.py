"""Cache of what takes long to compute: once for everybody who asks within some seconds."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

MOST = 64


@dataclass(slots=True)
class _Entry:
    lock: threading.Lock = field(default_factory=threading.Lock)
    made: float | None = None
    value: Any = None


class ResultCache:
    """Cache of at most MAX_KEYS results; safe to call from several threads, of which one computes and the others
    wait."""

    def __init__(self, lasts_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._lasts_s, self._clock = lasts_s, clock
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, _Entry] = OrderedDict()

    def get(self, key: str, compute: Callable[[], Any]) -> Any:
        """The value, not older than ``lasts_s``. What ``compute`` raises is raised, and nothing kept."""
        entry = self._entry(key)
        with entry.lock:
            if entry.made is None or self._clock() - entry.made >= self._lasts_s:
                entry.value = compute()
                entry.made = self._clock()
            return entry.value

    def _entry(self, key: str) -> _Entry:
        with self._lock:
            entry = self._entries.pop(key, None) or _Entry()
            self._entries[key] = entry
            if len(self._entries) > MOST:
                self._entries.popitem(last=False)
            return entry
