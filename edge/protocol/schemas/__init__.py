"""JSON Schemas and the AsyncAPI document of what travels over MQTT, generated from the types."""

from edge.protocol.schemas.asyncapi import document
from edge.protocol.schemas.jsonschema import schema_of

__all__ = ["document", "schema_of"]
