"""The client for notebooks, against real pages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge.errors import ConfigError, LinkError, MissingError
from edge.monitor.export import Monitor
from edge.monitor.web import Access
from tests.support.monitor_pages import TOKEN, Site


def test_the_fleet_is_an_array(site: Site):
    fleet = Monitor(site.url).fleet()
    assert len(fleet) == 10 and fleet["device"].dtype == object
    assert fleet["p99_us"].dtype == np.float64
    assert list(Monitor(site.url).fleet(drifted=True)["device"]) == ["oven-3"]


def test_windows_have_a_row_for_each_column(site: Site):
    windows = Monitor(site.url).windows("oven-3")
    late = windows[windows["column_drifted"]]
    assert "brightness" in set(late["column_name"]) and set(np.diff(np.unique(windows["seq"]))) == {1}


def test_the_other_questions_are_answered(site: Site):
    monitor = Monitor(site.url)
    assert monitor.summary()["devices"] == 10
    assert len(monitor.health("oven-1")) >= 1
    assert list(monitor.alerts()["feature"]) == ["brightness"]
    assert len(monitor.health("nobody")) == 0


def test_a_frame_has_times(site: Site):
    frame = Monitor.frame(Monitor(site.url).windows("oven-3"))
    assert str(frame["end_ns"].dt.tz) == "UTC" and len(frame) > 12


def test_without_pandas_the_way_out_is_named(site: Site, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(MissingError, match="pip install pandas"):
        Monitor.frame(Monitor(site.url).fleet())


def test_a_token_lets_in(serve: Callable[..., Site], filled: Path, tmp_path: Path):
    guarded = serve(filled, Access(token=TOKEN, names=("127.0.0.1",)))
    token = tmp_path / "token"
    token.write_text(f"{TOKEN}\n", "utf-8")
    with pytest.raises(LinkError, match="401"):
        Monitor(guarded.url).fleet()
    assert len(Monitor(guarded.url, token).fleet()) == 10


def test_a_monitor_that_is_not_there_is_named():
    with pytest.raises(LinkError, match="refused"):
        Monitor("http://127.0.0.1:9").summary()
    with pytest.raises(ConfigError, match="expected http://host:port"):
        Monitor("127.0.0.1:9")
