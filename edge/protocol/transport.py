"""The way out: one interface over MQTT and files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message for publication, always at QoS 1: what matters is its acknowledgement."""

    topic: str
    payload: bytes
    retain: bool = False
    content_type: str = "application/json"
    expiry_s: int | None = None
    """After that the broker may throw it away undelivered; None is never."""
    correlation: bytes = b""
    """Correlation data of an answer, as the request gave them."""


@dataclass(frozen=True, slots=True)
class IncomingMessage:
    """A publication that came in. ``response_topic`` and ``correlation``: MQTT 5, 4.10."""

    payload: bytes
    response_topic: str = ""
    correlation: bytes = b""
    retained: bool = False
    topic: str = ""


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Fate of a publication. Not ``ok`` and not ``refused``: it was taken, but nobody subscribes to it."""

    token: int
    ok: bool
    reason: str = ""
    refused: bool = False


class Transport(Protocol):
    """A connection that one thread uses. All methods but ``close`` raise LinkError when the other side is gone.

    ``str()`` of it names the other side in messages.
    """

    window: int
    """Number of publications that may be unacknowledged at once; the other side may lower it in ``connect``."""
    limit_bytes: int
    """The largest payload that the other side takes; known after ``connect``."""

    def connect(self, will: Outgoing | None = None) -> None:
        """Waits, for a few seconds at most, until the other side has accepted; also to begin anew after a loss, when
        what was unacknowledged is forgotten. ``will`` is published by the other side if the connection ends
        without ``close``.
        """
        ...

    def publish(self, message: Outgoing) -> int:
        """Sends without waiting. The token, never used twice, comes back once, in an Acknowledgement."""
        ...

    def poll(self, timeout_s: float) -> list[Acknowledgement]:
        """Moves data; returns when something was acknowledged, at the latest after ``timeout_s``."""
        ...

    def close(self, *, clean: bool = True) -> None:
        """Never raises, may be called twice. Not ``clean``: without a farewell, so that the will is published."""
        ...
