"""The central side: listens, keeps, shows."""

from edge.monitor.intake import Arrival
from edge.monitor.overview import DeviceState, DriftState, overview
from edge.monitor.store import Store
from edge.monitor.subscriber import Subscriber

__all__ = ["Arrival", "DeviceState", "DriftState", "Store", "Subscriber", "overview"]
