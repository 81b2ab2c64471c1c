"""For notebooks: what a monitor knows, over its pages' address, as numpy arrays or pandas data frames.

::

    from edge.monitor.export import Monitor

    monitor = Monitor("http://127.0.0.1:8080")
    fleet = monitor.fleet(drifted=True)                       # a numpy structured array
    frame = monitor.frame(monitor.windows("d00042"))          # a pandas data frame, where pandas is installed
"""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode, urlsplit

import numpy as np
from numpy.typing import NDArray

from edge.errors import ConfigError, LinkError, MissingError

TIMEOUT_S = 30.0
PAGE = 500
"""Most rows of an answer."""
ExportSpan = Literal["1h", "6h", "24h", "7d", "30d"]
"""Up to now."""
ExportedRows = NDArray[np.void]
"""A structured array: fields by name. Texts are objects; numbers that are missing are NaN."""


class Monitor:
    """Each call asks anew. All raise LinkError when the monitor cannot be reached or refuses."""

    def __init__(self, url: str, token_file: str | Path | None = None) -> None:
        """``token_file`` holds the token of a monitor that asks for one. Raises ConfigError."""
        if urlsplit(url).scheme not in ("http", "https"):
            raise ConfigError(f"monitor: expected http://host:port or https://host, got {url!r:.80}")
        self._base = url.rstrip("/")
        self._headers = {"Accept": "application/json"}
        if token_file is not None:
            try:
                self._headers["Authorization"] = f"Bearer {Path(token_file).read_text('utf-8').strip()}"
            except (OSError, ValueError) as error:
                raise ConfigError(f"token_file: {token_file} cannot be read: {error}") from None

    def ask(self, what: str, **query: Any) -> Any:
        """The JSON of ``/api/v1/<what>``; what is None is left out of the query."""
        words = urlencode({name: _word(value) for name, value in query.items() if value is not None})
        url = f"{self._base}/api/v1/{what}" + (f"?{words}" if words else "")
        request = urllib.request.Request(url, headers=self._headers)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            raise LinkError(f"{url}: {error.code} {error.read(200).decode('utf-8', 'replace').strip()}") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise LinkError(f"{url}: {getattr(error, 'reason', None) or error}") from None

    def summary(self) -> dict[str, Any]:
        """Counts by state, site, line and feature."""
        found: dict[str, Any] = self.ask("summary")
        return found

    def fleet(self, **where: Any) -> ExportedRows:
        """One row a device: all of them, or those of a site, line, model, state, drifted, text."""
        rows: list[dict[str, Any]] = []
        while True:
            page = self.ask("fleet", **where, sort="device", order="up", rows=PAGE, **{"from": len(rows)})
            rows += page["devices"]
            if not page["devices"] or len(rows) >= page["total"]:
                return structured(rows)

    def windows(self, device: str, span: ExportSpan = "24h") -> ExportedRows:
        """One row for each tested column of the device's last windows (PAGE at most), oldest first."""
        windows = self.ask("windows", name=device, span=span, rows=PAGE)
        rows = []
        for window in windows:
            columns, _ = window.pop("columns"), window.pop("expectations")
            rows += [{**window, **{f"column_{name}": value for name, value in one.items()}} for one in columns]
        return structured(rows)

    def health(self, device: str, span: ExportSpan = "24h") -> ExportedRows:
        """One row for each health message of the device, oldest first; of more than PAGE, for several as one."""
        return structured(self.ask("health", name=device, span=span, rows=PAGE))

    def alerts(self, *, closed: bool = False) -> ExportedRows:
        """Those that are open, or all; the newest first."""
        return structured(self.ask("alerts", closed=closed or None, rows=PAGE))

    @staticmethod
    def frame(rows: ExportedRows) -> Any:
        """A pandas data frame; columns that end in ``_ns`` become times. Raises MissingError without pandas."""
        try:
            import pandas as pd
        except ImportError:
            raise MissingError("pandas is not installed: pip install pandas, or use the arrays as they are") from None
        made = pd.DataFrame({name: rows[name] for name in rows.dtype.names or ()})
        for name in made.columns:
            if name.endswith("_ns") and made[name].dtype.kind in "if":
                made[name] = pd.to_datetime(made[name], unit="ns", utc=True)
        return made


def structured(rows: Sequence[Mapping[str, Any]]) -> ExportedRows:
    """Rows of equal keys as one array; without rows, an array without fields."""
    names = list(rows[0]) if rows else []
    columns = {name: _column([row.get(name) for row in rows]) for name in names}
    made = np.zeros(len(rows), dtype=[(name, column.dtype) for name, column in columns.items()])
    for name, column in columns.items():
        made[name] = column
    return made


def _column(values: list[Any]) -> NDArray[Any]:
    known = [value for value in values if value is not None]
    if known and all(isinstance(value, bool) for value in values):
        return np.array(values, np.bool_)
    if known and all(isinstance(value, int) and not isinstance(value, bool) for value in values):
        return np.array(values, np.int64)
    if known and all(isinstance(value, int | float) for value in known):
        return np.array([np.nan if value is None else float(value) for value in values])
    made = np.empty(len(values), object)
    made[:] = values
    return made


def _word(value: Any) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
