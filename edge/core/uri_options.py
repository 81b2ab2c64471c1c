"""The ``?key=value&...`` of a source's URI as a typed dataclass."""

from __future__ import annotations

import re
from typing import TypeVar
from urllib.parse import parse_qsl

from edge.core.structs import build, from_texts
from edge.errors import ConfigError

T = TypeVar("T")


def parse(cls: type[T], text: str, uri: str) -> T:
    """``key=value&...`` as ``cls``. Raises ConfigError that names ``uri``, the key and the nearest known one."""
    try:
        return build(cls, from_texts(cls, parse_qsl(text, keep_blank_values=True)))
    except ConfigError as error:
        raise ConfigError(f"{uri}: {error}") from None


def without_password(uri: str) -> str:
    """``uri`` as it may be shown: ``rtsp://user:secret@host/`` becomes ``rtsp://***@host/``."""
    return re.sub(r"//[^/?#]*@", "//***@", uri)
