"""What a device says of its own state."""

from edge.health.histogram import Distribution, LatencyHistogram
from edge.health.system import resident_bytes, temperature_c

__all__ = ["Distribution", "LatencyHistogram", "resident_bytes", "temperature_c"]
