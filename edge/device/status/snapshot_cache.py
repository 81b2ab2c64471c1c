"""The latest snapshot as bytes, made once for each snapshot however many ask."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from edge.core.structs import plain
from edge.device.health.snapshot import Snapshot, problems_at
from edge.device.status.prometheus import exposition


class SnapshotCache:
    """For any thread: two that come together do the same work twice, which is harmless."""

    def __init__(self, latest: Callable[[], Snapshot]) -> None:
        self._latest = latest
        self._json: tuple[Snapshot | None, bytes] = (None, b"")
        self._metrics: tuple[Snapshot | None, bytes] = (None, b"")

    def json(self) -> bytes:
        """One JSON object and a line feed."""
        snapshot = self._latest()
        made, text = self._json
        if made is not snapshot:
            text = json.dumps(plain(snapshot), separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
            self._json = (snapshot, text)
        return text

    def metrics(self) -> bytes:
        """Prometheus' text format."""
        snapshot = self._latest()
        made, text = self._metrics
        if made is not snapshot:
            text = exposition(snapshot).encode()
            self._metrics = (snapshot, text)
        return text

    def problems(self) -> tuple[str, ...]:
        """Problems at this moment; empty when all is well."""
        return problems_at(self._latest(), time.monotonic())
