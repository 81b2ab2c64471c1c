"""Whatever comes in, the monitor keeps it or counts it, and answers. A hundred thousand: ``tests.bench fuzz``."""

from __future__ import annotations

import json

import pytest

from edge.monitor import Arrival, Filter, Store
from edge.protocol.messages import StatusMessage, encode
from tests.support.hostile_messages import NAMES
from tests.support.message_fuzz import run


@pytest.mark.parametrize("seed", [1, 2])
def test_hostile_messages_are_each_kept_or_counted_and_every_question_is_still_answered(
    store: Store, seed: int
) -> None:
    outcome = run(store, 1500, seed)
    assert outcome.unreadable > 400
    assert (outcome.wrongly_counted, outcome.without_reason) == (0, 0)


@pytest.mark.parametrize("name", [name for name in NAMES if 0 < len(name) <= 64 and name.isprintable()])
def test_a_hostile_name_is_only_text_to_each_question(store: Store, name: str) -> None:
    message = StatusMessage(device="oven-3", boot_id="b1", seq=0, state="online", site=name, line=name, model=name)
    store.accept([Arrival("edge/v1/oven-3/status", encode(message))])
    reader = store.reader()
    for where in (Filter(site=name), Filter(line=name), Filter(model=name), Filter(text=name[1:5])):
        assert [row.site for row in reader.fleet(where)[0]] == [name]
    assert reader.fleet(Filter(text="no such thing"))[1] == reader.fleet(Filter(text="%"))[1] - ("%" in name) == 0


def test_a_device_that_speaks_for_another_changes_nothing_of_it(store: Store) -> None:
    truth = StatusMessage(device="oven-3", boot_id="b1", seq=0, state="online")
    lie = StatusMessage(device="oven-3", boot_id="b9", seq=9, state="offline")
    store.accept([Arrival("edge/v1/oven-3/status", encode(truth)), Arrival("edge/v1/liar/status", encode(lie))])
    rows = {row.device: row for row in store.reader().fleet()[0]}
    assert (rows["oven-3"].state, rows["oven-3"].set_aside, rows["liar"].set_aside) == ("online", 0, 1)
    (aside,) = store.reader().set_aside()
    assert (aside.device, aside.reason) == ("liar", "status.device: 'oven-3' on the topic of 'liar'")


def test_sums_of_what_a_device_says_may_be_larger_than_a_database_holds(store: Store) -> None:
    most = 2**63 - 1
    depth = {"entries": most, "pending": most, "bytes": most, "evicted": most, "evicted_undelivered": most}
    latency = {"p50": 1e308, "p90": 1e308, "p99": 1e308, "max": 1e308}
    fields = {
        "device": "oven-3",
        "boot_id": "b1",
        "seq": most,
        "captured": most,
        "decided": most,
        "rss_bytes": most,
        "dropped": {str(n): most for n in range(9)},
        "rate_fps": -1e308,
        "uptime_s": 1e308,
        "buffer": depth,
        "latency_us": latency,
    }
    assert len(store.accept([Arrival("edge/v1/oven-3/health", json.dumps(fields).encode(), most)])) == 1
    (row,), _ = store.reader().fleet()
    assert (row.dropped, row.pending, row.p99_us) == (most, most, 1e308)
