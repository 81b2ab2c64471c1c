"""Parts, not only frames: finds parts on a belt, follows them, and says when to judge each."""

from edge.inference.parts.calibration import Calibration, calibrate
from edge.inference.parts.crop import Box, crop
from edge.inference.parts.options import PartsOptions
from edge.inference.parts.stage import Due, Parts, Sighting

__all__ = ["Box", "Calibration", "Due", "Parts", "PartsOptions", "Sighting", "calibrate", "crop"]
