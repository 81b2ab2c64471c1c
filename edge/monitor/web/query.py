"""Query of an address: filters, order, page and span, of which anything may be nonsense."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from edge.monitor.queries.reading import Filter, Sort, StatisticsSpan

ROWS = 50
MAX_ROWS = 500
MAX_TEXT = 100
SORTS: tuple[Sort, ...] = get_args(Sort)
FALLING = frozenset(["drift", "seen", "fps", "p99", "dropped", "pending", "temperature"])
"""Where the largest come first unless asked otherwise."""
INT64 = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """A length of time, up to now."""

    name: str
    title: str
    seconds: int

    @property
    def since_ns(self) -> int:
        return time.time_ns() - self.seconds * 10**9


STRETCHES = (
    TimeSpan("1h", "last hour", 3600),
    TimeSpan("6h", "last 6 hours", 6 * 3600),
    TimeSpan("24h", "last 24 hours", 24 * 3600),
    TimeSpan("7d", "last 7 days", 7 * 86400),
    TimeSpan("30d", "last 30 days", 30 * 86400),
)


class PageQuery:
    """The query of an address. What is not understood counts as not asked."""

    def __init__(self, query: Mapping[str, str]) -> None:
        self._query = query

    def text(self, name: str) -> str:
        return self._query.get(name, "")[:MAX_TEXT]

    def whole(self, name: str, least: int = 0, most: int = INT64) -> int | None:
        """A number within the bounds, or None."""
        text = self._query.get(name, "")
        if not text.isascii() or not text.isdigit() or len(text) > 19:
            return None
        return min(max(int(text), least), most)

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        """One of them, the first by default."""
        text = self._query.get(name, "")
        return text if text in choices else choices[0]

    def yes_or_no(self, name: str) -> bool | None:
        return {"yes": True, "no": False}.get(self._query.get(name, ""))

    @property
    def filter(self) -> Filter:
        quiet_s = self.whole("quiet", 1)
        return Filter(
            site=self.text("site") or None,
            line=self.text("line") or None,
            model=self.text("model") or None,
            version=self.whole("version"),
            state=self.text("state") or None,
            drifted=self.yes_or_no("drifted"),
            text=self.text("text").strip(),
            feature=self.text("feature") or None,
            seen_before_ns=time.time_ns() - quiet_s * 10**9 if quiet_s else None,
            devices=(self.text("device"),) if self.text("device") else None,
        )

    @property
    def sort(self) -> Sort:
        found = self.choice("sort", ("drift", *SORTS))
        return next(sort for sort in SORTS if sort == found)

    @property
    def descending(self) -> bool:
        return self.choice("order", ("", "up", "down")) == "down" or (
            "order" not in self._query and self.sort in FALLING - {"drift"}
        )

    @property
    def limit(self) -> int:
        return self.whole("rows", 1, MAX_ROWS) or ROWS

    @property
    def offset(self) -> int:
        return self.whole("from") or 0

    @property
    def stretch(self) -> TimeSpan:
        name = self.choice("span", tuple(stretch.name for stretch in STRETCHES))
        return next(stretch for stretch in STRETCHES if stretch.name == name)

    @property
    def span(self) -> StatisticsSpan:
        """Span of panes and windows."""
        return StatisticsSpan(
            model=self.text("model") or None,
            version=self.whole("version"),
            camera=self.text("camera") or None,
            since_ns=self.stretch.since_ns,
        )

    def given(self, *leave_out: str, **changes: Any) -> dict[str, Any]:
        """The query as it is, with changes, for a link."""
        kept = {name: self.text(name) for name in self._query if name not in leave_out}
        return kept | changes
