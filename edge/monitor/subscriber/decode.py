"""Decoding of what arrived: a message, or a reason why not."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field

from edge.errors import MessageError
from edge.protocol.messages import Message, decode
from edge.protocol.topics import parse

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A publication as it came in."""

    topic: str
    payload: bytes
    received_ns: int = field(default_factory=time.time_ns)
    """Wall clock, for people; nothing is decided by it."""


def read(root: str, arrival: Arrival) -> Message:
    """The message. Raises MessageError, also when the sender speaks for another device than its topic's."""
    address = parse(root, arrival.topic)
    try:
        message = decode(address.kind, arrival.payload)
    except MessageError:
        raise
    except Exception as error:
        # Whoever can publish must not be able to stop the monitor, even through a fault of ours.
        log.exception("a message on %s could not be read", arrival.topic)
        raise MessageError(f"{address.kind}: {type(error).__name__}: {error}") from error
    if message.device != address.device:
        raise MessageError(f"{address.kind}.device: {message.device!r} on the topic of {address.device!r}")
    if address.model and message.model != address.model:
        raise MessageError(f"{address.kind}.model: {message.model!r} on the topic of {address.model!r}")
    return message


def sender(root: str, topic: str) -> str:
    """The device whose topic it is, or nothing if it is nobody's."""
    try:
        return parse(root, topic).device
    except MessageError:
        return ""
