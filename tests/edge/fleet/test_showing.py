"""What the engineer sees: lines, a live display, tables."""

from __future__ import annotations

import io

import pytest

from edge.fleet.connector import DeployResult, DeployStep, Inspection
from edge.fleet.progress.display import display
from edge.fleet.progress.lines import Lines
from edge.fleet.progress.live import live
from edge.fleet.tables import result_table, seen_table, size
from edge.protocol.inventory import RunningModel


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_lines_say_each_stage_and_a_transfer_now_and_then() -> None:
    stream, now = io.StringIO(), [0.0]
    lines = Lines(stream, lambda: now[0])
    for done in range(0, 1_000_000, 100_000):
        lines.tell(DeployStep("a", "sending", done, 1_000_000))
        now[0] += 0.5
    lines.tell(DeployStep("a", "waiting", detail="lost"))
    lines.tell(DeployStep("a", "waiting", detail="lost again"))
    lines.tell(DeployStep("b", "looking"))
    lines.tell(DeployStep("a", "done", detail="committed"))
    assert stream.getvalue().splitlines() == [
        "edge: a: sending 0.0 of 1.0 MB",
        "edge: a: sending 0.4 of 1.0 MB",
        "edge: a: sending 0.8 of 1.0 MB",
        "edge: a: waiting, lost",
        "edge: a: waiting, lost again",
        "edge: a: committed",
    ]


def test_where_there_is_no_terminal_there_are_lines() -> None:
    stream = io.StringIO()
    with display(stream, 1) as tell:
        tell(DeployStep("a", "trial"))
    assert stream.getvalue() == "edge: a: trial\n"


def test_a_terminal_shows_who_is_under_way_and_how_many_are_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    with live(stream, 2) as tell:
        tell(DeployStep("line-[1]", "sending", 500_000, 1_000_000))
        tell(DeployStep("line-2", "trial"))
        tell(DeployStep("line-2", "done", detail="committed"))
    shown = stream.getvalue()
    assert "line-[1]" in shown
    assert "sending 0.5 of 1.0 MB" in shown
    assert "1 of 2" in shown


def test_the_table_of_results_has_one_line_a_device() -> None:
    old, new = RunningModel("cookie", 3, "a", "A"), RunningModel("cookie", 4, "b", "B")
    rows = result_table(
        [
            DeployResult("pi@line-1", "committed", "", "line-1", old, new, 2_600_000, 12.34),
            DeployResult("pi@line-22", "rolled back", "p99 900 ms", "line-22", old, old, 99, 8.0),
        ]
    )
    assert rows == [
        "target      device   model                  slot    sent    time  result",
        "pi@line-1   line-1   cookie v3 → cookie v4  B     2.6 MB  12.3 s  committed",
        "pi@line-22  line-22  cookie v3              A     0.1 kB   8.0 s  rolled back  p99 900 ms",
    ]


def test_the_table_of_what_is_there_says_what_is_in_the_way() -> None:
    rows = seen_table(
        [
            Inspection(
                "a", "line-1", "0.1.0", "aarch64", 10_000_000, RunningModel("cookie", 3, "a", "A"), unchanged=True
            ),
            Inspection("b", problem="away"),
            Inspection("c", "line-3", "0.1.0", "aarch64", None, RunningModel("cookie"), trial="B"),
        ]
    )
    said = ["runs it already", "away", "slot B on trial"]
    assert all(row.endswith(f"  {words}") for row, words in zip(rows[1:], said, strict=True))


def test_sizes_are_short() -> None:
    assert [size(count) for count in (None, 0, 99_949, 100_000, 2_600_000)] == [
        "-",
        "0.0 kB",
        "99.9 kB",
        "0.1 MB",
        "2.6 MB",
    ]
