"""A simulated fleet: what thousands of devices send, with scripted drifts whose truth is known."""

from edge.sim.fleet.fleet import FleetOptions, Sent, SimulatedFleet, Truth
from edge.sim.fleet.hostility import Hostility
from edge.sim.fleet.population import Population
from edge.sim.fleet.publish import FleetPublisher, PublishCounts
from edge.sim.fleet.script import Change, load_script

__all__ = [
    "Change",
    "FleetOptions",
    "FleetPublisher",
    "Hostility",
    "Population",
    "PublishCounts",
    "Sent",
    "SimulatedFleet",
    "Truth",
    "load_script",
]
