"""The simulated cookie line: seeded pictures of parts on a belt, as a frame source for tests, demos and trials."""

from edge.sim.line import SimulatedLine
from edge.sim.options import DEFECTS, LABELS, LineOptions

__all__ = ["DEFECTS", "LABELS", "LineOptions", "SimulatedLine"]
