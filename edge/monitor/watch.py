"""How ``edge monitor`` watches: for how long, and what it shows meanwhile."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from edge.messages import Message, kind_of
from edge.monitor.overview import overview
from edge.monitor.store import Store
from edge.monitor.subscriber import Subscriber
from edge.monitor.table import table
from edge.typed import plain

POLL_S = 0.2
REFRESH_S = 1.0


@dataclass(frozen=True, slots=True)
class Until:
    """When to end: after so many seconds altogether, or without a message while connected; None is never."""

    duration_s: float | None = None
    idle_s: float | None = None


def follow(subscriber: Subscriber, until: Until) -> Iterator[list[Message]]:
    """What is new, several times a second (often nothing), until it is time to end."""
    started = active = time.monotonic()
    while True:
        received = subscriber.received
        yield subscriber.poll(POLL_S)
        now = time.monotonic()
        if subscriber.received > received or subscriber.trouble:
            active = now
        if until.duration_s is not None and now - started >= until.duration_s:
            return
        if until.idle_s is not None and now - active >= until.idle_s:
            return


def print_json(subscriber: Subscriber, until: Until) -> None:
    """One line a message, as it comes; trouble with the broker goes to stderr."""
    said = ""
    for messages in follow(subscriber, until):
        for message in messages:
            line = json.dumps({"kind": kind_of(message), **plain(message)}, ensure_ascii=False)
            sys.stdout.write(line + "\n")
        if messages:
            sys.stdout.flush()
        said = _say_trouble(subscriber.trouble, said)


def print_table(subscriber: Subscriber, store: Store, until: Until) -> None:
    """Nothing until the end, which may be Ctrl-C, then the table."""
    from rich.console import Console

    said = ""
    try:
        for _ in follow(subscriber, until):
            said = _say_trouble(subscriber.trouble, said)
    finally:
        # Whoever reads a pipe wants whole names.
        Console(width=None if sys.stdout.isatty() else 200).print(table(overview(store)))


def live_table(subscriber: Subscriber, store: Store, until: Until) -> None:
    """A table that keeps itself up to date."""
    from rich.live import Live

    drawn = float("-inf")
    with Live(table(overview(store), "connecting"), auto_refresh=False) as live:
        for _ in follow(subscriber, until):
            if time.monotonic() - drawn >= REFRESH_S:
                drawn = time.monotonic()
                caption = f"waiting: {subscriber.trouble}" if subscriber.trouble else "Ctrl-C ends"
                live.update(table(overview(store), caption), refresh=True)


def _say_trouble(trouble: str, said: str) -> str:
    if trouble and trouble != said:
        sys.stderr.write(f"edge: {trouble}; waiting for it\n")
    return trouble
