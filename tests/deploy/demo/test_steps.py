"""The demo's progress bar on a terminal, and in a log."""

from __future__ import annotations

import io

from deploy.demo.steps import Bar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def story(stream: io.StringIO) -> str:
    bar = Bar(stream)
    for part in range(100):
        bar.show(part / 100, f"part {part}", "broker there" if part < 50 else "broker away")
    bar.close()
    return stream.getvalue()


def test_a_terminal_shows_every_step_on_one_line() -> None:
    text = story(Terminal())
    assert text.count("\r") == 100
    assert text.count("\n") == 1
    assert text.rstrip().endswith("[████████████████████████] part 99, broker away")


def test_a_log_gets_a_line_for_each_new_state() -> None:
    lines = story(io.StringIO()).splitlines()
    assert lines == [
        "  [························] part 0, broker there",
        "  [████████████············] part 50, broker away",
    ]
