"""Store and forward: from the outbox over MQTT 5 to whoever listens."""

from edge.device.sync.outbox import MemoryOutbox, Outbox, OutboxEntry
from edge.device.sync.sync import Sync, SyncState
from edge.protocol.factory import open_transport
from edge.protocol.transport import Acknowledgement, Outgoing, Transport

__all__ = [
    "Acknowledgement",
    "MemoryOutbox",
    "Outbox",
    "OutboxEntry",
    "Outgoing",
    "Sync",
    "SyncState",
    "Transport",
    "open_transport",
]
