"""Messages page: what arrived and could not be read, and why."""

from __future__ import annotations

from typing import Any

from edge.monitor.queries.reading import Reader
from edge.monitor.web.query import PageQuery

LISTED = 200
SHOWN = 300
"""Characters of each."""


def context(reader: Reader, asked: PageQuery) -> dict[str, Any]:
    """For ``messages.html``."""
    listed = reader.set_aside(asked.text("device") or None, limit=LISTED)
    shown = [(one, one.payload[:SHOWN].decode("utf-8", "replace")) for one in listed]
    events = reader.events(asked.text("device") or None, limit=LISTED)
    return {"asked": asked, "messages": shown, "events": events, "count": reader.summary().set_aside}
