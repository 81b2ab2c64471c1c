"""The same data for programs: ``/api/v1/…``, JSON, times in nanoseconds, names of fields as in
:mod:`edge.monitor.queries.reading`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from edge.core.structs import plain
from edge.monitor.queries.reading import Reader, SetAside
from edge.monitor.web.pages.scope import PANES, PANES_EXACT, choose
from edge.monitor.web.query import PageQuery

STEPS = 30
Endpoint = Callable[[Reader, PageQuery], Any]


def summary(reader: Reader, asked: PageQuery) -> Any:
    return plain(reader.summary(asked.filter))


def fleet(reader: Reader, asked: PageQuery) -> Any:
    rows, total = reader.fleet(
        asked.filter, asked.sort, descending=asked.descending, limit=asked.limit, offset=asked.offset
    )
    return {"total": total, "from": asked.offset, "devices": plain(rows)}


def device(reader: Reader, asked: PageQuery) -> Any:
    """None: there is no such device."""
    found = reader.device(asked.text("name"))
    return None if found is None else plain(found)


def windows(reader: Reader, asked: PageQuery) -> Any:
    return plain(reader.windows(asked.text("name"), asked.span, limit=asked.limit))


def health(reader: Reader, asked: PageQuery) -> Any:
    return plain(reader.health(asked.text("name"), asked.stretch.since_ns, points=asked.limit))


def events(reader: Reader, asked: PageQuery) -> Any:
    return plain(reader.events(asked.text("name") or None, limit=asked.limit))


def models(reader: Reader, asked: PageQuery) -> Any:
    return plain(reader.models(asked.filter))


def alerts(reader: Reader, asked: PageQuery) -> Any:
    every = bool(asked.yes_or_no("closed"))
    return plain(reader.alerts(open_only=not every, device=asked.text("name") or None, limit=asked.limit))


def messages(reader: Reader, asked: PageQuery) -> Any:
    return [_set_aside(one) for one in reader.set_aside(asked.text("name") or None, limit=asked.limit)]


def drift(reader: Reader, asked: PageQuery) -> Any:
    """Columns × time; of windows one in ``every``."""
    scope = choose(reader, asked.filter, asked.span, most=PANES_EXACT if asked.yes_or_no("exact") else PANES)
    step_ns = asked.stretch.seconds * 10**9 // STEPS
    slices = reader.slices(scope.where, scope.span, step_ns=step_ns)
    return {"devices": scope.devices, "every": scope.span.every, "step_ns": step_ns, "slices": plain(slices)}


def _set_aside(one: SetAside) -> dict[str, Any]:
    return asdict(one) | {"payload": one.payload.decode("utf-8", "replace")}


ANSWERS: dict[str, Endpoint] = {
    "summary": summary,
    "fleet": fleet,
    "device": device,
    "windows": windows,
    "health": health,
    "events": events,
    "models": models,
    "alerts": alerts,
    "messages": messages,
    "drift": drift,
}
