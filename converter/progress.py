"""Lines that say what a long conversion is doing."""

from edge.core.progress import EVERY_S, Progress

__all__ = ["EVERY_S", "Progress"]
