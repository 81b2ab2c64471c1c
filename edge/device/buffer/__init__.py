"""The durable local buffer."""

from edge.device.buffer.buffer import Buffer, BufferState
from edge.device.buffer.judges import JudgingModel

__all__ = ["Buffer", "BufferState", "JudgingModel"]
