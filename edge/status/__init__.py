"""What the running daemon tells on its own machine: ``edge status`` and Prometheus."""

from edge.status.client import NotRunningError, ask, runs
from edge.status.remains import Remains, look_into

__all__ = ["NotRunningError", "Remains", "ask", "look_into", "runs"]
