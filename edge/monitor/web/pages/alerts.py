"""Alerts page: what somebody should know."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from edge.monitor.queries.reading import Alert, Reader
from edge.monitor.web.query import PageQuery

LISTED = 200
SILENCES = {"1h": 3600, "8h": 8 * 3600, "24h": 86400, "7d": 7 * 86400}


class AlertWriter(Protocol):
    """Where an alert is put down when somebody has seen to it."""

    def put_alert(self, alert: Alert) -> Alert: ...


def context(reader: Reader, asked: PageQuery, *, looking: bool = True) -> dict[str, Any]:
    """For ``alerts.html``. ``looking``: this monitor, or another on the store, looks for what to alarm for."""
    every = bool(asked.yes_or_no("closed"))
    listed = reader.alerts(open_only=not every, limit=LISTED)
    return {
        "asked": asked,
        "alerts": listed,
        "every": every,
        "looking": looking or bool(reader.alerts(limit=1)),
        "now_ns": time.time_ns(),
        "silences": list(SILENCES),
    }


def act(reader: Reader, desk: AlertWriter, form: Mapping[str, str], user: str) -> Alert | None:
    """Acknowledges or silences; None when there is no such alert or no such act."""
    found = next((one for one in reader.alerts(limit=10 * LISTED) if str(one.id) == form.get("id")), None)
    changed = found and _changed(found, form, user)
    return desk.put_alert(changed) if changed else None


def _changed(alert: Alert, form: Mapping[str, str], user: str) -> Alert | None:
    now_ns = time.time_ns()
    match form.get("act"):
        case "acknowledge":
            return replace(alert, acknowledged=user, changed_ns=now_ns)
        case "silence" if form.get("for") in SILENCES:
            until_ns = now_ns + SILENCES[form["for"]] * 10**9
            return replace(alert, silenced_until_ns=until_ns, changed_ns=now_ns)
        case "unsilence":
            return replace(alert, silenced_until_ns=None, changed_ns=now_ns)
    return None
