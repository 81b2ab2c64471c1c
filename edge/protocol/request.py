"""Requests: JSON that anybody with a password may have written."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Literal

from edge.errors import MessageError
from edge.protocol.control import load_small

MAX_BYTES = 4096
"""A longer request is refused unread."""
Command = Literal["status", "doctor", "set", "audit"]
_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")


ParameterValue = bool | int | float | str | None


@dataclass(frozen=True, slots=True)
class Request:
    """``{"id": "7f3a", "command": "set", "setting": "health.interval_s", "value": 30}``"""

    id: str
    """Chosen by the sender, new for each request: a repetition with the same id is answered, but not done again."""
    command: Command
    setting: str = ""
    """For ``set``: one of those that the device's configuration allows."""
    value: Any = None
    count: int = field(default=10, metadata={"min": 1, "max": 1000})
    """For ``audit``: how many of the next records."""


def parse(payload: bytes) -> Request:
    """Raises MessageError, whatever the bytes are."""
    request = load_small(Request, payload, "request", MAX_BYTES)
    if not _ID.fullmatch(request.id):
        raise MessageError("request.id: expected 1 to 64 letters, digits, dots, colons, dashes or underscores")
    if not isinstance(request.value, ParameterValue):
        raise MessageError("request.value: expected a number, a text, true or false")
    return request
