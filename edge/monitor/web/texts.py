"""Numbers and times as people read them, units stated."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import urlencode

from edge.core.html import Markup, tag

NOTHING = "–"
Form = Literal["full", "short"]
_LATEST_NS = 253_402_000_000 * 10**9  # the year 9999, where datetime ends


def iso(wall_ns: int) -> str:
    """ISO 8601 to the second, UTC; empty for what is no time of ours."""
    if not 0 < wall_ns < _LATEST_NS:
        return ""
    return datetime.fromtimestamp(wall_ns // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def when(wall_ns: int | None, form: Form = "full") -> Markup:
    """A ``<time>``: the local zone of this machine, which a script turns into the browser's. The title is ISO."""
    text = iso(wall_ns or 0)
    if not text or wall_ns is None:
        return Markup(NOTHING)
    local = datetime.fromtimestamp(wall_ns // 10**9).astimezone()
    shown = local.strftime("%Y-%m-%d %H:%M:%S" if form == "full" else "%d.%m. %H:%M")
    return tag("time", shown, datetime=text, title=text, data_form=form)


def lasting(seconds: float) -> str:
    """``3 min``, ``2 h 5 min``, ``4 d 3 h``."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes = whole // 60
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def number(value: float | None, digits: int = 3) -> str:
    """Significant ``digits``; whole numbers whole, in groups of three."""
    if value is None or not math.isfinite(value):
        return NOTHING
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}".replace(",", "\u202f")
    return f"{value:.{digits}g}" if abs(value) < 1000 else f"{value:,.0f}".replace(",", "\u202f")


def with_unit(value: float | None, unit: str, digits: int = 3) -> str:
    text = number(value, digits)
    return text if text == NOTHING else f"{text}\u00a0{unit}"


def milliseconds(micros: float | None) -> str:
    return with_unit(None if micros is None else micros / 1000, "ms")


def share(value: float | None) -> str:
    return NOTHING if value is None or not math.isfinite(value) else f"{value:.1%}"


def size(amount: float | None) -> str:
    """Bytes, in powers of 1000."""
    if amount is None:
        return NOTHING
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return with_unit(amount, unit)
        amount /= 1000
    return with_unit(amount, "TB")


def chance(p_value: float | None) -> str:
    """A p-value; how small beyond 1e-9 says nothing more."""
    if p_value is None or not math.isfinite(p_value):
        return NOTHING
    return "< 1e-9" if p_value < 1e-9 else f"{p_value:.2g}"


def link(path: str, **query: object) -> str:
    """A URL with what is not empty of ``query``. Names of devices go into the query, where ``..`` means nothing."""
    given = {key: value for key, value in query.items() if value not in ("", None)}
    return path + ("?" + urlencode(given) if given else "")
