"""An artifact at the broker: retained chunks, and a note that all of them are there."""

from __future__ import annotations

import time
from collections.abc import Callable

from edge.errors import LinkError
from edge.fleet.rollout.console import RolloutConsole
from edge.protocol.desired import CHUNK, MIN_CHUNK
from edge.protocol.topics import chunk_topic, complete_topic
from edge.protocol.transport import Outgoing

_DAY_S = 24 * 3600
EXPIRY_S = 30 * _DAY_S
"""Seconds after which the broker throws away what nobody cleans up; first the note that all chunks are there."""
_AHEAD = 64
"""Chunks in memory twice at most."""


def upload(
    console: RolloutConsole,
    root: str,
    sha256: str,
    data: bytes,
    timeout_s: float,
    report: Callable[[int], None],
    wanted: Callable[[], bool],
) -> int:
    """Publishes what is not there yet; returns the chunks' size. ``report`` gets the bytes done. Raises LinkError."""
    if console.fleet.chunk_bytes >= MIN_CHUNK:
        return console.fleet.chunk_bytes
    size = min(CHUNK, console.limit_bytes)
    if size < MIN_CHUNK:
        raise LinkError(f"the broker takes messages of {size} bytes; expected at least {MIN_CHUNK}")
    until = time.monotonic() + timeout_s
    for number, start in enumerate(range(0, len(data), size)):
        console.put(_chunk(chunk_topic(root, sha256, number), data[start : start + size]))
        if number % _AHEAD == _AHEAD - 1:
            console.flush(until, wanted)
        report(start)
    console.flush(until, wanted)
    if wanted():
        console.put(_chunk(complete_topic(root, sha256), str(size).encode(), EXPIRY_S - _DAY_S))
        console.flush(until, wanted)
        report(len(data))
    return size


def remove(console: RolloutConsole, root: str, sha256: str, size: int, chunk_bytes: int, timeout_s: float) -> None:
    """Takes the chunks away again. Raises LinkError."""
    console.put(Outgoing(complete_topic(root, sha256), b"", retain=True))
    for number in range(-(-size // chunk_bytes)):
        console.put(Outgoing(chunk_topic(root, sha256, number), b"", retain=True))
    console.flush(time.monotonic() + timeout_s)


def _chunk(topic: str, payload: bytes, expiry_s: int = EXPIRY_S) -> Outgoing:
    return Outgoing(topic, payload, retain=True, content_type="application/octet-stream", expiry_s=expiry_s)
