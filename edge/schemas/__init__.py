"""JSON Schemas and the AsyncAPI document of what travels over MQTT, generated from the types."""

from edge.schemas.asyncapi import document
from edge.schemas.jsonschema import schema_of

__all__ = ["document", "schema_of"]
