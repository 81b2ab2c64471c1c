"""Health: what a device says of its own state."""

from edge.core.histogram import Distribution, LatencyHistogram
from edge.device.health.system import temperature_c

__all__ = ["Distribution", "LatencyHistogram", "temperature_c"]
