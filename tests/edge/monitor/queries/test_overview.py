import io
import re
import sys
from typing import Any

import pytest

from edge.core.package import install_hint
from edge.errors import MissingError
from edge.monitor import Arrival, DeviceDrift, Store, overview
from edge.monitor.table import require_rich, table
from edge.protocol.messages import (
    BufferDepth,
    Drift,
    DriftColumn,
    Health,
    Identity,
    Latency,
    Message,
    StatusMessage,
    Window,
    encode,
    kind_of,
)
from edge.protocol.topics import PER_MODEL, topic

START_NS = 1_700_000_000_000_000_000
IDENTITY = Identity("oven-3", "Köln", "2", "b1", "cookie", 4, ())
BRIGHTNESS = DriftColumn("brightness", "wasserstein", 0.4, None, 0.1, drifted=True)
HUE = DriftColumn("hue", "wasserstein", 0.9, None, 0.1, drifted=True)
SHARPNESS = DriftColumn("sharpness", "wasserstein", 0.01, None, 0.1, drifted=False)


def accept(store: Store, *messages: Message) -> None:
    for message in messages:
        kind = kind_of(message)
        address = topic("edge", message.device, kind, message.model if kind in PER_MODEL else "")
        store.accept([Arrival(address, encode(message))])
    assert store.set_aside() == {}


def head(seq: int = 0, **changes: Any) -> dict[str, Any]:
    return IDENTITY.head(seq) | changes


def window(seq: int, *columns: DriftColumn, **changes: Any) -> Drift:
    start_ns = START_NS + seq * 60 * 10**9
    drifted = any(column.drifted for column in columns)
    span = Window(seq * 100, seq * 100 + 99, 100, start_ns, start_ns + 1)
    return Drift(**head(seq, **changes), window=span, drifted=drifted, share=0.0, columns=columns)


def health(**changes: Any) -> Health:
    return Health(
        **head(**changes),
        captured=100,
        decided=93,
        dropped={"late": 5, "unreadable": 2},
        latency_us=Latency(8000, 9000, 12_345, 20_000),
        rate_fps=29.94,
        buffer=BufferDepth(10, 4, 4096, 0),
        rss_bytes=1,
        uptime_s=3.0,
    )


def drift_of(store: Store) -> DeviceDrift:
    drift = overview(store)[0].drift
    assert drift is not None
    return drift


def test_devices_come_by_site_line_and_name(store: Store) -> None:
    for device, site, line in (("d", "B", "1"), ("c", "A", "2"), ("b", "A", "1"), ("a", "A", "2")):
        accept(store, StatusMessage(**head(device=device, site=site, line=line), state="online"))
    assert [row.device for row in overview(store)] == ["b", "a", "c", "d"]


def test_the_last_status_counts(store: Store) -> None:
    accept(store, StatusMessage(**head(), state="online"), StatusMessage(**head(), state="offline"))
    assert [(row.state, row.model, row.version) for row in overview(store)] == [("offline", "cookie", 4)]


def test_a_window_out_of_the_buffer_does_not_change_what_runs_now(store: Store) -> None:
    accept(store, StatusMessage(**head(boot_id="b2", model="pizza"), state="online"), window(0, SHARPNESS))
    assert [(row.state, row.model) for row in overview(store)] == [("online", "pizza")]


def test_drift_is_since_the_first_of_the_windows_that_drifted_without_a_break(store: Store) -> None:
    accept(store, window(0, BRIGHTNESS), window(1, SHARPNESS), window(2, BRIGHTNESS), window(3, BRIGHTNESS, HUE))
    drift = drift_of(store)
    assert drift.drifted
    assert drift.since_ns == START_NS + 2 * 60 * 10**9
    assert [column.name for column in drift.columns] == ["brightness", "hue"]


def test_windows_that_come_in_disorder_say_the_same(store: Store) -> None:
    accept(store, window(3, BRIGHTNESS), window(1, SHARPNESS), window(2, BRIGHTNESS), window(0, BRIGHTNESS))
    assert drift_of(store).since_ns == START_NS + 2 * 60 * 10**9


def test_drift_is_over_with_the_first_window_that_does_not_drift(store: Store) -> None:
    accept(store, window(0, BRIGHTNESS), window(1, SHARPNESS))
    assert drift_of(store) == DeviceDrift(drifted=False, columns=(), since_ns=None)


def test_the_running_boot_counts_even_if_windows_of_an_earlier_one_come_later(store: Store) -> None:
    accept(store, StatusMessage(**head(boot_id="b2"), state="online"), window(0, SHARPNESS, boot_id="b2"))
    accept(store, window(7, BRIGHTNESS, boot_id="b1"))
    assert not drift_of(store).drifted


def test_the_columns_stay_in_the_order_of_the_device_whatever_their_p_values(store: Store) -> None:
    first, then = (
        DriftColumn(name, "ks", 0.9, p, 0.05, drifted=True) for name, p in (("light", 1e-8), ("blue", 1e-9))
    )
    accept(store, window(0, first, then))
    assert [column.name for column in drift_of(store).columns] == ["light", "blue"]


def rendered(store: Store, width: int = 200, *, terminal: bool = False) -> str:
    from rich.console import Console

    console = Console(width=width, record=True, file=io.StringIO())
    console.print(table(overview(store), "caption", width if terminal else None))
    return console.export_text()


def test_the_table_shows_each_device_in_a_line(store: Store) -> None:
    accept(store, StatusMessage(**head(), state="online"), health(), window(0, BRIGHTNESS, HUE))
    text = rendered(store)
    line = next(line for line in text.splitlines() if "oven-3" in line)
    cells = re.split(r"\s{2,}", line.strip())
    assert cells[:9] == ["Köln/2", "oven-3", "online", "cookie v4", "29.9", "12.3", "7", "4", "0"]
    assert cells[9].startswith("brightness, hue since 2023-11-1")


def test_a_narrow_terminal_still_shows_which_device_drifts_in_what(store: Store) -> None:
    accept(store, StatusMessage(**head(), state="online"), health(), window(0, HUE, BRIGHTNESS))
    assert re.search(r"oven-3 +online.* hue", rendered(store, width=80))


def test_on_a_narrow_terminal_each_device_is_one_whole_line(store: Store) -> None:
    accept(store, StatusMessage(**head(), state="online"), health(), window(0, HUE, BRIGHTNESS))
    lines = [line for line in rendered(store, width=80, terminal=True).splitlines() if "online" in line]
    assert len(lines) == 1
    assert re.search(r"Köln/2 +oven-3 +online +7 +hue, brightness since ", lines[0])


def test_a_device_that_only_sent_nonsense_is_shown_too(store: Store) -> None:
    store.accept([Arrival("edge/v1/odd/status", b"?"), Arrival("elsewhere", b"?")])
    text = rendered(store)
    assert "odd" in text
    assert "(nobody)" in text
    assert text.count("1 bad") == 2


def test_names_are_shown_and_not_obeyed(store: Store) -> None:
    accept(store, StatusMessage(**head(site="[red]x[/red]", line=":smile:"), state="online"))
    assert "[red]x[/red]/:smile:" in rendered(store)


@pytest.mark.parametrize("start_ns", [0, 2**63 - 1])
def test_a_time_that_no_clock_shows_does_no_harm(store: Store, start_ns: int) -> None:
    accept(store, Drift(**head(), window=Window(0, 1, 2, start_ns, start_ns), drifted=True, share=1.0))
    assert "since" in rendered(store)


def test_without_rich_the_way_out_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rich", None)
    with pytest.raises(MissingError, match=re.escape(install_hint("monitor"))):
        require_rich()


def test_of_very_many_devices_those_that_need_a_look_are_shown(store: Store) -> None:
    for number in range(6):
        accept(store, StatusMessage(**head(device=f"d{number}"), state="offline" if number == 4 else "online"))
    accept(store, window(0, BRIGHTNESS, device="d5"))
    assert [row.device for row in overview(store, 3)] == ["d5", "d4", "d0"]
    assert [row.device for row in overview(store, 6)] == [f"d{number}" for number in range(6)]
