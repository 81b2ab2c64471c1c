"""Two places for models on a device, of which exactly one is active: see README.md."""

from edge.device.slots.slots import FOLDER, Slots
from edge.device.slots.state import SlotsState
from edge.device.slots.table import BAD, CANDIDATE, FACTORY, GOOD, NAMES, SlotEntry, SlotEvent

__all__ = ["BAD", "CANDIDATE", "FACTORY", "FOLDER", "GOOD", "NAMES", "SlotEntry", "SlotEvent", "Slots", "SlotsState"]
