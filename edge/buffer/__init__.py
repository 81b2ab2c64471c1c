"""The durable local buffer."""

from edge.buffer.buffer import Buffer, BufferState

__all__ = ["Buffer", "BufferState"]
