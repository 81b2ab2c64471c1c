"""Present of each device, folded from its messages one by one. Nothing here touches a database.

Only status, health and slots tell the present, and only those of the boot that was last seen to begin: windows and
predictions may come out of a buffer days late, and any message may be replayed.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from edge.protocol.messages import Health, Message, StatusMessage
from edge.protocol.messages.kinds import INT64


@dataclass(slots=True)
class Boot:
    """A row of the table of boots. ``live_ns``: when it first told of the present."""

    id: int
    device: str
    boot_id: str
    live_ns: int | None = None


@dataclass(slots=True)
class Present:
    """A row of the table of devices, in the order of its columns."""

    device: str
    site: str = ""
    line: str = ""
    model: str = ""
    version: int = 0
    boot_id: str = ""
    boot: int | None = None
    state: str = ""
    seen_ns: int = 0
    predictions: int = 0
    set_aside: int = 0
    status_seq: int = -1
    health_seq: int = -1
    slots_seq: int = -1
    slot: str = ""
    health_ns: int | None = None
    fps: float | None = None
    p99_us: float | None = None
    decided: int | None = None
    dropped: int | None = None
    pending: int | None = None
    evicted: int | None = None
    temperature_c: float | None = None
    drifted: int | None = None
    since_ns: int | None = None
    feature: str | None = None
    test: str | None = None
    statistic: float | None = None
    p_value: float | None = None
    threshold: float | None = None
    window_ns: int | None = None


PRESENT = tuple(field.name for field in fields(Present))


def see(present: Present, message: Message, now_ns: int) -> None:
    """It is there, whatever it says."""
    present.seen_ns = max(present.seen_ns, now_ns)
    if present.boot is None:
        _place(present, message)


def update(present: Present, boot: Boot, message: Message, now_ns: int) -> bool:
    """From a message that tells the present; False, and nothing changed, if the present is already a later one."""
    if present.boot != boot.id:
        if boot.live_ns is not None:
            return False  # its turn has been: repeated, or overtaken by the next boot
        boot.live_ns = now_ns
        present.boot, present.boot_id = boot.id, boot.boot_id
        present.status_seq = present.health_seq = present.slots_seq = -1
    if not _advance(present, message):
        return False
    _place(present, message)
    if isinstance(message, StatusMessage):
        present.state = message.state
    elif isinstance(message, Health):
        measure(present, message, now_ns)
    else:
        present.slot = str(getattr(message, "active", ""))
    return True


def bounded(number: int) -> int:
    """Sums of what a device says may be more than a database holds."""
    return max(-INT64, min(INT64, number))


def _advance(present: Present, message: Message) -> bool:
    name = (
        "status_seq"
        if isinstance(message, StatusMessage)
        else "health_seq"
        if isinstance(message, Health)
        else "slots_seq"
    )
    last = getattr(present, name)
    # A will has the number of the status before it.
    if message.seq < last or (message.seq == last and isinstance(message, Health)):
        return False
    setattr(present, name, message.seq)
    return True


def _place(present: Present, message: Message) -> None:
    present.site, present.line = message.site, message.line
    present.model, present.version = message.model, message.model_version


def measure(present: Present, health: Health, now_ns: int | None) -> None:
    """The figures that are asked of all devices at once."""
    present.health_ns = now_ns
    present.fps, present.p99_us = health.rate_fps, health.latency_us.p99
    present.decided, present.dropped = health.decided, bounded(sum(health.dropped.values()))
    present.pending, present.evicted = health.buffer.pending, health.buffer.evicted_undelivered
    present.temperature_c = health.temperature_c
