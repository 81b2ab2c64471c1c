"""Models over MQTT: what is desired on which device, and how it gets there. See README.md."""

from edge.protocol.desired import Desired

__all__ = ["Desired"]
