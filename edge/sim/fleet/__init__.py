"""A simulated fleet: what thousands of devices send, with scripted drifts whose truth is known."""

from edge.sim.fleet.fleet import Fleet, FleetOptions, Sent, Truth
from edge.sim.fleet.hostility import Hostility
from edge.sim.fleet.population import Population
from edge.sim.fleet.publish import Counts, FleetPublisher
from edge.sim.fleet.script import Change, load_script

__all__ = [
    "Change",
    "Counts",
    "Fleet",
    "FleetOptions",
    "FleetPublisher",
    "Hostility",
    "Population",
    "Sent",
    "Truth",
    "load_script",
]
