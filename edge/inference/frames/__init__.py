"""Frame sources: cameras, files and the simulated line."""

from edge.inference.frames.capture import capture
from edge.inference.frames.events import CameraEvent
from edge.inference.frames.factory import open_source
from edge.inference.frames.frame import Frame, FrameSource, Image
from edge.inference.frames.reopening import Reopening

__all__ = ["CameraEvent", "Frame", "FrameSource", "Image", "Reopening", "capture", "open_source"]
