"""The central side: listens, keeps, shows."""

from edge.monitor.queries.overview import DeviceDrift, DeviceState, overview
from edge.monitor.queries.reader import SqlReader, open_reader
from edge.monitor.queries.reading import Filter, FleetRow, Reader, StatisticsSpan
from edge.monitor.store.store import Store
from edge.monitor.subscriber.decode import Arrival
from edge.monitor.subscriber.subscriber import Subscriber

__all__ = [
    "Arrival",
    "DeviceDrift",
    "DeviceState",
    "Filter",
    "FleetRow",
    "Reader",
    "SqlReader",
    "StatisticsSpan",
    "Store",
    "Subscriber",
    "open_reader",
    "overview",
]
