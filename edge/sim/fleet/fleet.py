"""A fleet of simulated devices: what thousands of real ones would send, in order of time."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from edge.protocol.messages import Drift, Message, SlotsMessage, StatusMessage, encode, kind_of
from edge.protocol.topics import PER_MODEL, topic
from edge.protocol.transport import Outgoing
from edge.sim.fleet.device import Make, SimulatedDevice
from edge.sim.fleet.population import Population
from edge.sim.fleet.script import Change
from edge.sim.fleet.windows import WindowPool

POOL = 200
RETAINED = (Drift, SlotsMessage, StatusMessage)


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetOptions:
    """Devices are spread evenly over the sites, and over the lines of each; times are in seconds."""

    devices: int = field(default=100, metadata={"min": 1, "max": 100_000})
    sites: int = field(default=3, metadata={"min": 1, "max": 1000})
    lines: int = field(default=5, metadata={"min": 1, "max": 1000})
    """At each site."""
    interval_s: float = field(default=60.0, metadata={"min": 0.1, "max": 86_400.0})
    """Between two windows, and two health messages, of a device."""
    samples: int = field(default=200, metadata={"min": 30, "max": 100_000})
    """Parts in a window."""
    pool: int = field(default=POOL, metadata={"min": 0, "max": 100_000})
    """Different windows of undisturbed parts; devices share them. 0: each window is a new one."""
    seed: int = field(default=0, metadata={"min": 0, "max": 2**63 - 1})
    model: str = "cookie"
    version: int = field(default=1, metadata={"min": 1, "max": 2**53})
    root: str = "edge"


class Sent(NamedTuple):
    """A message, and when it is due, in seconds after the fleet's start."""

    at_s: float
    device: int
    message: Outgoing


@dataclass(frozen=True, slots=True)
class Truth:
    """Truth about a device's fault, and from when on, for those who find drift."""

    device: str
    site: str
    line: str
    at_s: float
    until_s: float | None
    features: tuple[str, ...]
    """Those that are moved; empty for what is no drift of the pictures."""
    what: tuple[str, ...]
    """shift, defects, dropping, offline, buffer_full, rolled_back."""


class SimulatedFleet:
    """The same options, script and start give the same messages."""

    def __init__(
        self,
        options: FleetOptions,
        script: Sequence[Change] = (),
        *,
        start_wall_ns: int | None = None,
        population: Population | None = None,
    ) -> None:
        """``start_wall_ns`` is now by default. Drawing the population takes some seconds."""
        self.options = options
        self.population = population or Population.draw_line(options.seed)
        self.start_wall_ns = time.time_ns() if start_wall_ns is None else start_wall_ns
        make = Make(options.model, options.version, options.interval_s, options.samples, self.start_wall_ns)
        self.devices = [_device(number, options, make, script) for number in range(options.devices)]
        self._pool = WindowPool(self.population, "", options.samples, options.pool, options.seed)

    def messages(self, until_s: float) -> Iterator[Sent]:
        """All that is sent up to then. The devices' windows end one after the other, not all at once."""
        interval_s, count = self.options.interval_s, len(self.devices)
        window = 0
        while window * interval_s <= until_s:
            for device in self.devices:
                at_s = (window + device.number / count) * interval_s
                if at_s > until_s:
                    return
                for message in device.speak(window, at_s, self._pool):
                    yield Sent(at_s, device.number, self._outgoing(message))
            window += 1

    def farewell(self) -> Iterator[Sent]:
        """All devices that are online say that they go."""
        for device in self.devices:
            for message in device.leave():
                yield Sent(0.0, device.number, self._outgoing(message))

    def truth(self) -> list[Truth]:
        """By device, then in the script's order."""
        return [_truth(device, change) for device in self.devices for change in device.changes]

    def _outgoing(self, message: Message) -> Outgoing:
        kind = kind_of(message)
        model = message.model if kind in PER_MODEL else ""
        address = topic(self.options.root, message.device, kind, model)
        return Outgoing(address, encode(message), retain=isinstance(message, RETAINED))


def _device(number: int, options: FleetOptions, make: Make, script: Sequence[Change]) -> SimulatedDevice:
    name, site = f"d{number:05d}", f"site-{number % options.sites + 1}"
    line = f"line-{number // options.sites % options.lines + 1}"
    changes = tuple(change for change in script if change.concerns(name, site, line))
    return SimulatedDevice(number, name, site, line, make, changes)


def _truth(device: SimulatedDevice, change: Change) -> Truth:
    marks = ("shift", "defects", "dropping", "offline", "buffer_full", "rolled_back")
    what = tuple(mark for mark in marks if getattr(change, mark) not in (None, False, 0.0, {}))
    return Truth(device.name, device.site, device.line, change.at_s, change.until_s, tuple(change.shift), what)
