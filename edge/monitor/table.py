"""The overview as a table for a terminal."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from edge.core.package import install_hint
from edge.errors import MissingError
from edge.monitor.queries.overview import DeviceState

if TYPE_CHECKING:
    from rich.table import Table

COLUMNS = ("line", "device", "state", "model", "fps", "p99 ms", "drops", "waiting", "records", "drift")
"""drops: frames; waiting: rows of the device's buffer; records: predictions stored here."""
NARROW = ("line", "device", "state", "drops", "drift")
"""Columns for terminals below WIDE characters, each device in one line."""
WIDE = 110
FRAME = 6
"""Lines of a terminal that are not devices: the head, its rule, two of caption, and a spare at each end."""
_FOLDED = {"line": 6, "model": 6, "drift": 16}
"""Columns that may be folded when the terminal is narrow, and how wide they stay."""
_NUMBERS = COLUMNS[4:9]


def require_rich() -> None:
    """Raises MissingError when the extra is not installed."""
    try:
        import rich  # noqa: F401
    except ImportError:
        raise MissingError(f"rich is not installed; the table needs it: {install_hint('monitor')}") from None


def table(devices: Sequence[DeviceState], caption: str = "", width: int | None = None) -> Table:
    """One row a device. What devices say of themselves is shown as plain text, never as markup.

    With ``width``, of a terminal, each row is one line, and has the columns that there is room for.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    result = Table(
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        caption=Text(caption) if caption else None,
        caption_justify="left",
    )
    columns = COLUMNS if width is None or width >= WIDE else NARROW
    for name in columns:
        justify: Literal["left", "right"] = "right" if name in _NUMBERS else "left"
        result.add_column(
            name, justify=justify, no_wrap=width is not None or name not in _FOLDED, min_width=_FOLDED.get(name)
        )
    for device in devices:
        cells = dict(zip(COLUMNS, _cells(device), strict=True))
        result.add_row(*(Text(cells[name]) for name in columns), style=_style(device))
    return result


def _cells(device: DeviceState) -> tuple[str, ...]:
    where = "/".join(part for part in (device.site, device.line) if part) or "-"
    state = device.state or "-"
    if device.set_aside:
        state += f", {device.set_aside} bad"
    model = f"{device.model} v{device.version}" if device.version else device.model or "-"
    return (
        where,
        device.device or "(nobody)",
        state,
        model,
        *_health(device),
        str(device.predictions),
        _drift(device),
    )


def _health(device: DeviceState) -> tuple[str, str, str, str]:
    health = device.health
    if health is None:
        return ("-", "-", "-", "-")
    dropped = sum(health.dropped.values())
    return (f"{health.rate_fps:.1f}", f"{health.latency_us.p99 / 1000:.1f}", str(dropped), str(health.buffer.pending))


def _drift(device: DeviceState) -> str:
    drift = device.drift
    if drift is None:
        return "-"
    if not drift.drifted:
        return "none"
    names = ", ".join(column.name for column in drift.columns[:2])
    more = f" and {len(drift.columns) - 2} more" if len(drift.columns) > 2 else ""
    return f"{names or 'yes'}{more} since {_clock(drift.since_ns)}"


def _clock(wall_ns: int | None) -> str:
    """Local time; the date too unless it is today's."""
    if wall_ns is None:
        return "?"
    try:
        then = time.localtime(wall_ns / 1e9)
    except (OverflowError, ValueError, OSError):
        return "?"
    today = time.localtime()[:3] == then[:3]
    return time.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M", then)


def _style(device: DeviceState) -> str:
    if device.drift is not None and device.drift.drifted:
        return "yellow"
    return "dim" if device.state != "online" else ""
