"""Frame sources: cameras, files and the simulated line."""

from edge.frames.capture import capture
from edge.frames.events import Event
from edge.frames.frame import Frame, FrameSource, Image
from edge.frames.opening import open_source
from edge.frames.reopening import Reopening

__all__ = ["Event", "Frame", "FrameSource", "Image", "Reopening", "capture", "open_source"]
