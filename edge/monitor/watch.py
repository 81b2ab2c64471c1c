"""Loop of ``edge monitor``: how long it goes on, and what it shows meanwhile."""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edge.core.structs import plain
from edge.errors import StateError
from edge.monitor.queries.overview import count, overview
from edge.monitor.store.retention import Retention
from edge.monitor.store.store import BATCH, Store
from edge.monitor.subscriber.subscriber import Subscriber
from edge.monitor.table import FRAME, table
from edge.protocol.messages import Message, kind_of

if TYPE_CHECKING:
    from rich.console import ConsoleDimensions
    from rich.table import Table

log = logging.getLogger(__name__)

POLL_S = 0.2
REFRESH_S = 1.0
ROWS = 200
"""Devices in a table; a page shows more."""


@dataclass(frozen=True, slots=True)
class Until:
    """When to end: after so many seconds altogether, or without a message while connected; None is never."""

    duration_s: float | None = None
    idle_s: float | None = None


@dataclass(frozen=True, slots=True)
class Watching:
    """Step that is done over and over: receive, and forget what is older than it is kept."""

    subscriber: Subscriber
    retention: Retention | None
    until: Until
    beside: Callable[[], None] | None = None
    """Called each time, for what is to be done beside: it must be quick, and know itself when it is due."""
    stop: threading.Event = field(default_factory=threading.Event)
    """Set by whoever wants it to end."""


def follow(watching: Watching) -> Iterator[list[Message]]:
    """Yields what is new, several times a second (often nothing), until it is time to end."""
    subscriber, until = watching.subscriber, watching.until
    started = active = time.monotonic()
    while True:
        received = subscriber.received
        yield subscriber.poll(POLL_S)
        _forget(watching, busy=subscriber.received - received >= BATCH)
        if watching.beside is not None and not subscriber.trouble:
            watching.beside()
        now = time.monotonic()
        if subscriber.received > received or subscriber.trouble:
            active = now
        if watching.stop.is_set():
            return
        if until.duration_s is not None and now - started >= until.duration_s:
            return
        if until.idle_s is not None and now - active >= until.idle_s:
            return


def _forget(watching: Watching, *, busy: bool) -> None:
    """A database server that is away stops this as it stops the intake, which says so."""
    if watching.retention is None or watching.subscriber.trouble:
        return
    try:
        watching.retention.work(busy=busy)
    except StateError as error:
        log.warning("%s", error)


def print_json(watching: Watching) -> None:
    """One line a message, as it comes; trouble with the broker goes to stderr."""
    said = ""
    for messages in follow(watching):
        for message in messages:
            sys.stdout.write(json.dumps(_fields(message), ensure_ascii=False) + "\n")
        if messages:
            sys.stdout.flush()
        said = _say_trouble(watching.subscriber.trouble, said)


def _fields(message: Message) -> dict[str, Any]:
    """``kind`` is the message's; what a drift message calls so is ``drift_kind``."""
    fields = plain(message)
    if "kind" in fields:
        fields["drift_kind"] = fields.pop("kind")
    return {"kind": kind_of(message), **fields}


def print_table(watching: Watching, store: Store) -> None:
    """Nothing until the end, which may be Ctrl-C, then the table."""
    from rich.console import Console

    said = ""
    try:
        for _ in follow(watching):
            said = _say_trouble(watching.subscriber.trouble, said)
    finally:
        # Whoever reads a pipe wants whole names.
        Console(width=None if sys.stdout.isatty() else 200).print(_table(store))


def live_table(watching: Watching, store: Store) -> None:
    """A table that keeps itself up to date, no higher than the terminal: what needs a look is not cut off."""
    from rich.console import Console
    from rich.live import Live

    drawn = float("-inf")
    # One of its own: the console that rich shares keeps the size it was first made with.
    with Live(console=Console(), auto_refresh=False) as live:
        live.update(_table(store, "connecting", live.console.size), refresh=True)
        for _ in follow(watching):
            if time.monotonic() - drawn >= REFRESH_S:
                drawn = time.monotonic()
                trouble = watching.subscriber.trouble
                caption = f"waiting: {trouble}" if trouble else "Ctrl-C ends"
                live.update(_table(store, caption, live.console.size), refresh=True)


def _table(store: Store, caption: str = "", size: ConsoleDimensions | None = None) -> Table:
    """``size`` is the terminal's that it must fit."""
    most = ROWS if size is None else max(1, min(ROWS, size.height - FRAME))
    devices, total = overview(store, most), count(store)
    if total > len(devices):
        more = f"{len(devices)} of {total} devices, those that drift or are away first"
        caption = f"{more}; {caption}" if caption else more
    return table(devices, caption, size and size.width)


def _say_trouble(trouble: str, said: str) -> str:
    if trouble and trouble != said:
        sys.stderr.write(f"edge: {trouble}; waiting for it\n")
    return trouble
