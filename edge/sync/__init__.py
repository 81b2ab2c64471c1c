"""Store and forward: from the outbox over MQTT 5 to whoever listens."""

from edge.sync.opening import open_transport
from edge.sync.outbox import Entry, MemoryOutbox, Outbox
from edge.sync.sync import State, Sync
from edge.sync.transport import Acknowledgement, Outgoing, Transport

__all__ = [
    "Acknowledgement",
    "Entry",
    "MemoryOutbox",
    "Outbox",
    "Outgoing",
    "State",
    "Sync",
    "Transport",
    "open_transport",
]
