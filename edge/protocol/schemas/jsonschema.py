"""JSON Schema (draft 2020-12) from the message dataclasses: the types and bounds that :mod:`edge.protocol.messages`
goes by.

A schema allows keys that it does not know: a newer device may send more.
"""

from __future__ import annotations

import dataclasses
import inspect
import types
import typing
from typing import Any, Literal

from edge.protocol.messages import MAX_NAME, Message
from edge.protocol.record import Record

DRAFT = "https://json-schema.org/draft/2020-12/schema"
_NAMES = ("device", "boot_id", "site", "line", "model")
_NEEDED = ("device", "boot_id")
_SCALARS = {str: "string", int: "integer", float: "number", bool: "boolean"}
Schema = dict[str, Any]


def schema_of(kind: type) -> Schema:
    """Schema of a dataclass, with those that it holds inside."""
    hints = typing.get_type_hints(kind)
    fields = dataclasses.fields(typing.cast(Any, kind))
    schema: Schema = {
        "type": "object",
        "properties": {field.name: _property(field, hints[field.name]) for field in fields},
        "required": [field.name for field in fields if _is_required(field)],
    }
    if kind.__doc__ and not kind.__doc__.startswith(f"{kind.__name__}("):
        schema["description"] = inspect.cleandoc(kind.__doc__)
    if issubclass(kind, Message):
        for name in _NAMES:
            schema["properties"][name] |= {"maxLength": MAX_NAME, "minLength": int(name in _NEEDED)}
    return schema


def _is_required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _property(field: dataclasses.Field[Any], hint: Any) -> Schema:
    schema = _type(hint)
    for bound, keyword in (("min", "minimum"), ("max", "maximum")):
        if bound in field.metadata:
            schema[keyword] = field.metadata[bound]
    return schema


def _type(hint: Any) -> Schema:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hint is Record:
        return _record()
    if origin in (typing.Union, types.UnionType):
        return {"anyOf": [{"type": "null"} if arg is type(None) else _type(arg) for arg in inner]}
    if origin is Literal:
        return {"enum": list(inner)}
    if origin is tuple:
        return {"type": "array", "items": _type(inner[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": _type(inner[1])}
    if dataclasses.is_dataclass(hint):
        return schema_of(typing.cast(type, hint))
    return {"type": _SCALARS[hint]} if hint in _SCALARS else {}


def _record() -> Schema:
    """An array, because a thousand of them travel together; a newer device may append to it."""
    hints = typing.get_type_hints(Record)
    number: Schema = {"type": ["number", "null"]}
    items = [
        number | {"title": name} if hints[name] is float else {"title": name, "type": "integer", "minimum": 0}
        for name in Record._fields
    ]
    return {"type": "array", "prefixItems": items, "minItems": len(items)}
