"""One run over hostile messages, for the tests (some thousand) and the bench (a hundred thousand)."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass

from edge.errors import MessageError
from edge.monitor import Filter, Store, overview
from edge.monitor.queries.reading import Reader
from edge.monitor.subscriber.decode import read, sender
from tests.support.hostile_messages import DEVICES, NAMES, stream
from tests.support.panes import make_reference

BATCH = 250


@dataclass(frozen=True)
class Outcome:
    sent: int
    unreadable: int
    wrongly_counted: int
    """Unreadable messages by device that the store counts otherwise."""
    without_reason: int


def run(store: Store, messages: int, seed: int) -> Outcome:
    """Raises whatever the store raises: nothing that is sent may make it."""
    store.add_reference(make_reference().to_bytes(), "cookie", 4)
    expected: Counter[str] = Counter()
    arrivals = itertools.islice(stream(seed), messages)
    while batch := list(itertools.islice(arrivals, BATCH)):
        for arrival in batch:
            try:
                read(store.root, arrival)
            except MessageError:
                expected[sender(store.root, arrival.topic)] += 1
        store.accept(batch)
    counted = Counter(store.set_aside())
    wrong = sum(((counted - expected) + (expected - counted)).values())
    reader = store.reader()
    reasons = [one.reason for one in reader.set_aside(limit=1000)]
    look_at_everything(store, reader)
    return Outcome(messages, sum(expected.values()), wrong, sum(not reason for reason in reasons))


def look_at_everything(store: Store, reader: Reader) -> None:
    """Every question that a page asks, also with hostile words."""
    rows, total = reader.fleet(limit=1000)
    assert total == len(rows) == len({row.device for row in rows})
    overview(store)
    reader.summary(), reader.models(), reader.events(), reader.alerts()
    for row in rows:
        detail = reader.device(row.device)
        assert detail is not None
        assert detail.row == row
        reader.windows(row.device), reader.health(row.device, points=5), reader.events(row.device)
    reader.merged(), reader.slices(), reader.siblings([row.device for row in rows])
    for name in NAMES:
        word = name.encode("utf-8", "replace").decode().replace("\x00", "")
        reader.fleet(Filter(text=word, site=word, line=word, model=word)), reader.device(word)
    assert {row.device for row in rows} >= set(DEVICES)
