"""The AsyncAPI 3.0 document: every topic, what it carries, and who sends it."""

from __future__ import annotations

import inspect
from typing import Any

from edge.protocol.messages import KINDS, MAX_BYTES, SCHEMA
from edge.protocol.request import MAX_BYTES as REQUEST_BYTES
from edge.protocol.request import Request
from edge.protocol.schemas.jsonschema import DRAFT, schema_of
from edge.protocol.topics import ANSWERS, COMMANDS, PER_DEVICE, PER_MODEL, VERSION

Node = dict[str, Any]
_RETAINED = ("status", "drift", "slots")
_ANSWER: Node = {
    "type": "object",
    "description": "Of a request, with its correlation data.",
    "properties": {"id": {"type": "string"}, "ok": {"type": "boolean"}, "result": {}, "error": {"type": "string"}},
    "required": ["id", "ok"],
}


def document() -> Node:
    """Ready for ``json.dumps``."""
    kinds = [*PER_DEVICE, *PER_MODEL]
    channels = {kind: _channel(kind, kind in PER_MODEL) for kind in kinds}
    channels |= {"command": _channel(COMMANDS, False, "command"), "answer": _channel(ANSWERS, False, "answer")}
    operations = {f"send_{kind}": _operation("send", kind, kind in _RETAINED) for kind in kinds}
    operations["receive_command"] = _operation("receive", "command") | {"reply": {"channel": _reference("answer")}}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "edgeline over MQTT 5",
            "version": f"{SCHEMA}",
            "description": f"What a device sends and takes; JSON in UTF-8, messages of at most {MAX_BYTES} bytes, "
            f"requests of at most {REQUEST_BYTES}. The root of the topics is 'edge' unless configured otherwise.",
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": _messages(kinds), "schemas": _schemas(kinds)},
    }


def _channel(kind: str, per_model: bool, message: str = "") -> Node:
    names = ["root", "device", *(["model"] if per_model else [])]
    address = f"{{root}}/{VERSION}/{{device}}/{kind}" + ("/{model}" if per_model else "")
    name = message or kind
    return {
        "address": address,
        "parameters": {parameter: {} for parameter in names},
        "messages": {name: {"$ref": f"#/components/messages/{name}"}},
    }


def _operation(action: str, kind: str, retained: bool = False) -> Node:
    return {
        "action": action,
        "channel": _reference(kind),
        "bindings": {"mqtt": {"qos": 1, "retain": retained, "bindingVersion": "0.2.0"}},
    }


def _reference(channel: str) -> Node:
    return {"$ref": f"#/channels/{channel}"}


def _messages(kinds: list[str]) -> Node:
    found: Node = {}
    for name in [*kinds, "command", "answer"]:
        payload = {"schemaFormat": f"application/schema+json;version={DRAFT.split('/')[-2]}"}
        found[name] = {"name": name, "payload": payload | {"schema": {"$ref": f"#/components/schemas/{name}"}}}
        if name in KINDS:
            found[name]["summary"] = inspect.cleandoc(KINDS[name].__doc__ or "").partition("\n")[0]
    return found


def _schemas(kinds: list[str]) -> Node:
    return {kind: schema_of(KINDS[kind]) for kind in kinds} | {"command": schema_of(Request), "answer": _ANSWER}
