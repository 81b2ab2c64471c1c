"""Small JSON objects that tell a device to do something: anybody with a password may have written them."""

from __future__ import annotations

import json
from typing import NoReturn, TypeVar

from edge.core.structs import build
from edge.errors import ConfigError, MessageError

T = TypeVar("T")


def load_small(cls: type[T], payload: bytes, what: str, most: int) -> T:
    """An instance of the dataclass ``cls``; keys that it does not have are refused. Raises MessageError, whatever the
    bytes are, and reads no more than ``most`` of them.
    """
    if len(payload) > most:
        raise MessageError(f"{what}: {len(payload)} bytes, at most {most} are read")
    try:
        data = json.loads(payload.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise MessageError(f"{what}: not JSON in UTF-8: {error}"[:200]) from None
    if not isinstance(data, dict):
        raise MessageError(f"{what}: expected a JSON object")
    try:
        return build(cls, data, what)
    except ConfigError as error:
        raise MessageError(str(error)[:200]) from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number in JSON")
