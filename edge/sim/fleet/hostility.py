"""Hostility of a network and its people to messages: repeated, late, old ones again, damaged, under a false name."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from edge.sim.fleet.fleet import Sent

HELD_MOST = 50
"""Messages that are held back at once."""
OLD_KEPT = 200
"""Messages that may come again long after."""
_SHARE = {"min": 0.0, "max": 1.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hostility:
    """Each is a share of the messages."""

    repeated: float = field(default=0.0, metadata=_SHARE)
    """Sent twice in a row."""
    late: float = field(default=0.0, metadata=_SHARE)
    """Held back, and sent after some that came later."""
    replayed: float = field(default=0.0, metadata=_SHARE)
    """After it, an old one is sent again."""
    malformed: float = field(default=0.0, metadata=_SHARE)
    """After it, a damaged copy is sent."""
    lying: float = field(default=0.0, metadata=_SHARE)
    """After it, a copy is sent on the topic of another device."""

    def disturb(self, messages: Iterable[Sent], seed: int = 0) -> Iterator[Sent]:
        """Every message comes through at least once; what is added are copies."""
        rng = random.Random(seed)
        held: list[Sent] = []
        old: list[Sent] = []
        for sent in messages:
            if len(old) < OLD_KEPT:
                old.append(sent)
            if len(held) < HELD_MOST and rng.random() < self.late:
                held.append(sent)
                continue
            yield sent
            yield from self._copies(sent, old, rng)
            if held and rng.random() < 1 / HELD_MOST:
                yield replace_time(held.pop(rng.randrange(len(held))), sent.at_s)
        yield from held

    def _copies(self, sent: Sent, old: list[Sent], rng: random.Random) -> Iterator[Sent]:
        if rng.random() < self.repeated:
            yield sent
        if rng.random() < self.replayed:
            yield replace_time(rng.choice(old), sent.at_s)
        if rng.random() < self.malformed:
            yield _damaged(sent, rng)
        if rng.random() < self.lying:
            other = rng.choice(old)
            yield sent._replace(message=replace(sent.message, topic=_topic_of(other, sent)))


def replace_time(sent: Sent, at_s: float) -> Sent:
    """The same, due later."""
    return sent._replace(at_s=max(at_s, sent.at_s))


def _damaged(sent: Sent, rng: random.Random) -> Sent:
    payload = bytearray(sent.message.payload)
    place = rng.randrange(len(payload))
    cut = payload[:place] if rng.random() < 0.5 else payload[:place] + b"\xff\x00" + payload[place:]
    return sent._replace(message=replace(sent.message, payload=bytes(cut), retain=False))


def _topic_of(other: Sent, sent: Sent) -> str:
    """``sent``'s topic, but for the device."""
    names, liar = other.message.topic.split("/"), sent.message.topic.split("/")
    place = names.index("v1") + 1
    liar[liar.index("v1") + 1] = f"{names[place]}x" if names[place] == liar[liar.index("v1") + 1] else names[place]
    return "/".join(liar)
