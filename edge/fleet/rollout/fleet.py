"""State of all devices at the broker: how they are, what is in their slots, what is desired there."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from dataclasses import dataclass, field

from edge.errors import MessageError
from edge.protocol.desired import Desired, parse
from edge.protocol.messages import Slot, SlotsMessage, StatusMessage, TrialOutcome, decode
from edge.protocol.topics import DESIRED, VERSION, check_root, complete_topic
from edge.protocol.topics import parse as parse_topic
from edge.protocol.transport import IncomingMessage

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Member:
    """One device, from its retained messages."""

    status: StatusMessage | None = None
    slots: SlotsMessage | None = None
    desired: Desired | None = None
    outcomes: dict[str, TrialOutcome] = field(default_factory=dict)
    """By the id of the roll-out that asked for it."""

    @property
    def online(self) -> bool:
        return self.status is not None and self.status.state == "online"

    def slot(self, name: str) -> Slot | None:
        """By its name; None where it is empty or nobody knows."""
        return next((slot for slot in self.slots.slots if slot.name == name), None) if self.slots and name else None

    @property
    def active(self) -> Slot | None:
        return self.slot(self.slots.active) if self.slots else None

    @property
    def trial(self) -> Slot | None:
        return self.slot(self.slots.trial) if self.slots else None

    def runs(self, sha256: str) -> bool:
        """And nothing is on trial."""
        return self.active is not None and self.active.sha256 == sha256 and self.trial is None


class FleetState:
    """:meth:`hear` gets all that comes on :attr:`filters`."""

    def __init__(self, root: str, sha256: str = "") -> None:
        """``sha256``: the artifact of which one wants to know whether it is at the broker. Raises ConfigError."""
        base = f"{check_root(root)}/{VERSION}"
        self._root, self._base = root, base
        self._complete = complete_topic(root, sha256) if sha256 else ""
        self.filters = [f"{base}/+/{kind}" for kind in ("status", "slots", DESIRED)]
        if self._complete:
            self.filters.append(self._complete)
        self.members: defaultdict[str, Member] = defaultdict(Member)
        self.chunk_bytes = 0
        """Size of the artifact's chunks, where all of them are at the broker."""
        self.heard_at = time.monotonic()

    def hear(self, incoming: IncomingMessage) -> None:
        """Whatever it is; what cannot be read is passed over."""
        self.heard_at = time.monotonic()
        try:
            if incoming.topic == self._complete:
                self.chunk_bytes = int(incoming.payload) if incoming.payload.isdigit() else 0
            elif incoming.topic.endswith(f"/{DESIRED}"):
                device = incoming.topic.removeprefix(f"{self._base}/").split("/")[0]
                self.members[device].desired = parse(incoming.payload) if incoming.payload else None
            elif incoming.payload:
                self._note(incoming)
        except MessageError as error:
            log.debug("%s: passed over: %s", incoming.topic, error)

    def _note(self, incoming: IncomingMessage) -> None:
        address = parse_topic(self._root, incoming.topic)
        message = decode(address.kind, incoming.payload)
        member = self.members[address.device]
        if isinstance(message, StatusMessage):
            member.status = message
        elif isinstance(message, SlotsMessage):
            member.slots = message
            if message.outcome is not None and message.outcome.request:
                member.outcomes[message.outcome.request] = message.outcome
