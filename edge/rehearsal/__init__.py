"""A new model beside the active one on copies of the line's pictures, in a process of its own."""

from edge.rehearsal.comparison import Answer, Comparison
from edge.rehearsal.stage import Child, Interrupted, rehearse
from edge.rehearsal.tap import Tap

__all__ = ["Answer", "Child", "Comparison", "Interrupted", "Tap", "rehearse"]
