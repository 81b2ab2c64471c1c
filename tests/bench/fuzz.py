"""A hundred thousand hostile messages: none stops the monitor, each is kept or counted."""

from __future__ import annotations

from collections.abc import Iterator

from edge.monitor import Store
from tests.bench.setting import Setting
from tests.bench.timing import Row
from tests.support.message_fuzz import run

MESSAGES = 100_000


def rows(setting: Setting) -> Iterator[Row]:
    """Into a file; its reader is then asked everything that it can be asked."""
    store = Store(setting.folder / "fuzz.db")
    outcome = run(store, MESSAGES, seed=20_260)
    store.close()
    yield Row("hostile messages that a monitor survived", outcome.sent, None, "", f"{MESSAGES}", True)
    share = outcome.unreadable / outcome.sent
    yield Row("share of them that is unreadable", share, None, "", "≥ 0.3", share >= 0.3)
    yield Row(
        "of those not counted for their device", outcome.wrongly_counted, None, "", "0", not outcome.wrongly_counted
    )
    yield Row(
        "of the last thousand without a reason", outcome.without_reason, None, "", "0", not outcome.without_reason
    )
