"""A new model beside the active one on copies of the line's pictures, in a process of its own."""

from edge.device.deployment.shadow.comparison import ShadowAnswer, ShadowComparison
from edge.device.deployment.shadow.frame_tap import FrameTap
from edge.device.deployment.shadow.job import ShadowCancelled, Worker, rehearse

__all__ = ["FrameTap", "ShadowAnswer", "ShadowCancelled", "ShadowComparison", "Worker", "rehearse"]
