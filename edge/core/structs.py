"""Dataclasses from plain data (TOML, JSON), with errors that name the key, what was expected and the nearest name.

Understood types: str, int, float, bool, Path, Literal, ``X | None``, ``tuple[X, ...]``, ``dict[str, X]`` and
nested dataclasses, where one table stands for a tuple of one. ``field(metadata={"min": 1, "max": 9})`` bounds a
number; ``"was"`` is a setting's name of earlier versions, refused with the new one.
"""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import types
import typing
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar

from edge.errors import ConfigError

T = TypeVar("T")

_SCALARS = frozenset((str, int, float, bool, type(None)))


def build(cls: type[T], data: object, where: str = "", *, strict: bool = True) -> T:
    """An instance of the dataclass ``cls`` from a mapping. Raises ConfigError.

    ``where`` is the dotted place that messages begin with. Unknown keys are an error when ``strict``, else they
    are passed over (a reader that is older than the writer).
    """
    if not isinstance(data, Mapping):
        raise ConfigError(f"{where or cls.__name__}: expected a table of keys, got {_show(data)}")
    fields = _plan(typing.cast(Any, cls))
    if strict:
        _refuse_unknown(data, fields, where)
    values = {}
    for field in fields:
        name = field.name
        if name in data:
            value = data[name]
            # A monitor reads some hundred messages a second: what is of the right type already takes no detour.
            values[name] = (
                value if type(value) is field.exact else _value(field.hint, value, _join(where, name), strict)
            )
            if field.bounds:
                _check_bounds(values[name], field.bounds, where, name)
        elif field.required:
            raise ConfigError(f"{_join(where, name)}: missing; expected {_name(field.hint)}")
    return cls(**values)


@dataclasses.dataclass(frozen=True, slots=True)
class _Field:
    name: str
    hint: Any
    exact: type | None
    """A value of just this type needs no look."""
    bounds: Mapping[str, Any]
    required: bool


@cache
def _plan(cls: Any) -> tuple[_Field, ...]:
    hints, nothing = _hints(cls), dataclasses.MISSING
    return tuple(
        _Field(
            field.name,
            hints[field.name],
            _exact(hints[field.name]),
            field.metadata,
            field.default is nothing and field.default_factory is nothing,
        )
        for field in dataclasses.fields(cls)
    )


def _exact(hint: Any) -> type | None:
    wanted = (
        [one for one in typing.get_args(hint) if one is not type(None)] if _kind(hint) is types.UnionType else [hint]
    )
    return wanted[0] if wanted[0] in (str, int, float, bool) else None


def plain(value: Any) -> Any:
    """The inverse of :func:`build`: nested dicts, lists and scalars that JSON can hold."""
    if type(value) in _SCALARS:  # most of what there is
        return value
    if dataclasses.is_dataclass(value):
        names = _field_names(type(value))  # type: ignore[arg-type]
        return {name: plain(getattr(value, name)) for name in names}
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [item if type(item) in _SCALARS else plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def from_texts(cls: type, pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Texts, as of a URI's query, as the numbers and comma-separated lists that the fields of ``cls`` hold.

    What does not fit stays text, for :func:`build` to complain about. Raises ConfigError for a key given twice.
    """
    hints = _hints(typing.cast(Any, cls))
    values: dict[str, Any] = {}
    for key, text in pairs:
        if key in values:
            raise ConfigError(f"{key}: given twice; leave one of them out")
        values[key] = _from_text(hints.get(key), text)
    return values


def nearest(word: str, known: list[str]) -> str:
    """A hint such as ``; did you mean 'path'?``, or the list of known names."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"known are {', '.join(sorted(known))}"


@cache
def _field_names(cls: Any) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(cls))


@cache
def _hints(cls: Any) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _refuse_unknown(data: Mapping[str, object], fields: Iterable[_Field], where: str) -> None:
    known, renamed = [field.name for field in fields], {field.bounds.get("was"): field.name for field in fields}
    for key in data:
        if key in known:
            continue
        if key in renamed:
            raise ConfigError(f"{_join(where, str(key))}: is called {renamed[key]} now")
        raise ConfigError(f"{_join(where, str(key))}: unknown key; {nearest(str(key), known)}")


def _value(hint: Any, value: object, place: str, strict: bool) -> Any:
    kind = _kind(hint)
    if kind is types.UnionType:
        return _optional(hint, value, place, strict)
    if kind is Literal:
        return _choice(hint, value, place)
    if kind is tuple:
        return _sequence(hint, value, place, strict)
    if kind is dict:
        return _mapping(hint, value, place, strict)
    if kind is dataclasses.dataclass:
        return build(typing.cast(type, hint), value, place, strict=strict)
    return _scalar(hint, value, place)


@cache
def _kind(hint: Any) -> Any:
    """Sort of a type; None for a scalar."""
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return types.UnionType
    if origin in (Literal, tuple, dict):
        return origin
    return dataclasses.dataclass if dataclasses.is_dataclass(hint) else None


def _optional(hint: Any, value: object, place: str, strict: bool) -> Any:
    if value is None:
        return None
    inner = next(arg for arg in typing.get_args(hint) if arg is not type(None))
    return _value(inner, value, place, strict)


def _choice(hint: Any, value: object, place: str) -> Any:
    choices = typing.get_args(hint)
    if value in choices:
        return value
    expected = " or ".join(repr(choice) for choice in choices)
    close = difflib.get_close_matches(str(value), [str(choice) for choice in choices], n=1)
    hint_text = f"; did you mean {close[0]!r}?" if close else ""
    raise ConfigError(f"{place}: expected {expected}, got {_show(value)}{hint_text}")


def _sequence(hint: Any, value: object, place: str, strict: bool) -> tuple[Any, ...]:
    inner = typing.get_args(hint)[0]
    if dataclasses.is_dataclass(inner) and isinstance(value, Mapping):
        return (_value(inner, value, place, strict),)  # TOML: one [table] where [[tables]] may be
    if not isinstance(value, list | tuple):
        raise ConfigError(f"{place}: expected a list, got {_show(value)}")
    if inner in (str, int, float) and all(type(item) is inner for item in value):
        return tuple(value)
    return tuple(_value(inner, item, f"{place}[{i}]", strict) for i, item in enumerate(value))


def _mapping(hint: Any, value: object, place: str, strict: bool) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigError(f"{place}: expected a table of keys, got {_show(value)}")
    inner = typing.get_args(hint)[1]
    if inner is Any:
        return {str(key): item for key, item in value.items()}
    return {str(key): _value(inner, item, _join(place, str(key)), strict) for key, item in value.items()}


def _scalar(hint: Any, value: object, place: str) -> Any:
    if hint in (Any, object):
        return value
    if hint is Path and isinstance(value, str):
        return Path(value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, bool) and hint is not bool:
        raise ConfigError(f"{place}: expected {_name(hint)}, got {_show(value)}")
    if isinstance(value, hint):
        return value
    raise ConfigError(f"{place}: expected {_name(hint)}, got {_show(value)}")


def _check_bounds(value: object, bounds: Mapping[str, Any], where: str, name: str) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return
    least, most = bounds.get("min"), bounds.get("max")
    if (least is not None and not value >= least) or (most is not None and not value <= most):
        limits = f"at least {least}" if most is None else f"from {least} to {most}"
        raise ConfigError(f"{_join(where, name)}: expected a number {limits}, got {_show(value)}")


def _from_text(hint: Any, text: str) -> Any:
    if typing.get_origin(hint) is tuple:
        return [_from_text(typing.get_args(hint)[0], item) for item in text.split(",")]
    for kind in (int, float):
        if hint is kind or kind in typing.get_args(hint):
            with contextlib.suppress(ValueError):
                return kind(text)
    return text


def _name(hint: Any) -> str:
    names = {str: "a string", int: "a whole number", float: "a number", bool: "true or false", Path: "a path"}
    if hint in names:
        return names[hint]
    if typing.get_origin(hint) is Literal:
        return " or ".join(repr(choice) for choice in typing.get_args(hint))
    return "a table of keys" if dataclasses.is_dataclass(hint) else str(hint)


def _show(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _join(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key
