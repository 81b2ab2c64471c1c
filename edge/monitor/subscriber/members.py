"""Monitors that fill one database together: who is there, under which name, and who has fallen silent.

Each counts its own heartbeat up; another is silent when its count stands still for SILENCE_S of one's own monotonic
clock. So no two machines need agree on the time.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass

from edge.monitor.database import Engine, upsert

SILENCE_S = 5.0
LEFT = -1
"""The count of one that said goodbye: its name, and what the broker holds under it, are free at once."""


@dataclass(frozen=True, slots=True)
class _Seen:
    beats: int
    at: float


class Members:
    """Those of one share. Each method raises StateError."""

    def __init__(self, engine: Engine, share: str) -> None:
        self._engine, self._share = engine, share
        self._seen: dict[str, _Seen] = {}
        self._beats = 0

    def join(self) -> str:
        """A name for the broker: that of one who left, with what waits under it, or a new one."""
        with self._engine.transaction():
            sql = "SELECT name FROM member WHERE share = ? AND beats = ? ORDER BY name LIMIT 1"
            free = self._engine.query(sql, (self._share, LEFT))
            name = str(free[0][0]) if free else f"monitor-{secrets.token_hex(6)}"
            self._beats = 0
            self.beat(name)
        return name

    def beat(self, name: str) -> None:
        """I am here."""
        self._beats += 1
        self._put(name, self._beats)

    def leave(self, name: str) -> None:
        self._put(name, LEFT)

    def forget(self, name: str) -> None:
        """Nothing waits under it any longer, unless it has spoken again."""
        beats = self._seen.pop(name, _Seen(LEFT, 0.0)).beats
        self._engine.execute("DELETE FROM member WHERE name = ? AND beats = ?", (name, beats))

    def silent(self, own: str) -> list[str]:
        """The others that left or whose heartbeat stands still."""
        now = time.monotonic()
        rows = self._engine.query("SELECT name, beats FROM member WHERE share = ? AND name <> ?", (self._share, own))
        for name, beats in rows:
            if name not in self._seen or self._seen[name].beats != beats:
                self._seen[name] = _Seen(beats, now)
        return [name for name, beats in rows if beats == LEFT or now - self._seen[name].at >= SILENCE_S]

    def _put(self, name: str, beats: int) -> None:
        self._engine.executemany(upsert("member", ("name", "share", "beats")), [(name, self._share, beats)])
