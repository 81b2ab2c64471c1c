"""Parts, not only frames: finds parts on a belt, follows them, and says when to judge each."""

from edge.parts.calibration import Calibration, calibrate
from edge.parts.crop import Box, crop
from edge.parts.options import PartsOptions
from edge.parts.stage import Due, Parts, Sighting

__all__ = ["Box", "Calibration", "Due", "Parts", "PartsOptions", "Sighting", "calibrate", "crop"]
