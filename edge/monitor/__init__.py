"""The central side: listens, keeps, shows."""

from edge.monitor.intake import Arrival
from edge.monitor.overview import DeviceState, DriftState, overview
from edge.monitor.reader import SqlReader, open_reader
from edge.monitor.reading import Filter, FleetRow, Reader, Span
from edge.monitor.store import Store
from edge.monitor.subscriber import Subscriber

__all__ = [
    "Arrival",
    "DeviceState",
    "DriftState",
    "Filter",
    "FleetRow",
    "Reader",
    "Span",
    "SqlReader",
    "Store",
    "Subscriber",
    "open_reader",
    "overview",
]
