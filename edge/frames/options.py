"""The ``?key=value&...`` of a source's URI as a typed dataclass."""

from __future__ import annotations

import contextlib
import typing
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from edge.errors import ConfigError
from edge.typed import build

T = TypeVar("T")


def parse(cls: type[T], text: str, uri: str) -> T:
    """``key=value&...`` as ``cls``. Raises ConfigError that names ``uri``, the key and the nearest known one."""
    hints = typing.get_type_hints(cls)
    pairs = parse_qsl(text, keep_blank_values=True)
    values = {key: _typed(hints.get(key), value) for key, value in pairs}
    if len(values) < len(pairs):
        raise ConfigError(f"{uri}: the same option is given twice; leave one of them out")
    try:
        return build(cls, values)
    except ConfigError as error:
        raise ConfigError(f"{uri}: {error}") from None


def _typed(hint: Any, text: str) -> Any:
    """A number where the field holds one; what does not fit stays text, for ``build`` to complain about."""
    for kind in (int, float):
        if hint is kind or kind in typing.get_args(hint):
            with contextlib.suppress(ValueError):
                return kind(text)
    return text
