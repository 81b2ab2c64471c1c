"""Two places for models on a device, of which exactly one is active: see README.md."""

from edge.slots.kept import BAD, CANDIDATE, FACTORY, GOOD, NAMES, Event, Held
from edge.slots.slots import FOLDER, Slots
from edge.slots.state import SlotsState

__all__ = ["BAD", "CANDIDATE", "FACTORY", "FOLDER", "GOOD", "NAMES", "Event", "Held", "Slots", "SlotsState"]
