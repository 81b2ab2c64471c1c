"""Status of the running daemon for its own machine: ``edge status`` and Prometheus."""

from edge.device.status.client import NotRunningError, ask, runs
from edge.device.status.offline import OfflineStatus, look_into

__all__ = ["NotRunningError", "OfflineStatus", "ask", "look_into", "runs"]
