"""The durable local buffer."""

from edge.buffer.buffer import Buffer, BufferState
from edge.buffer.judges import Judge

__all__ = ["Buffer", "BufferState", "Judge"]
