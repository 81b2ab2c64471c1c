"""Hooks of pytest that decide which worker runs a test and when, and that name a failed test at once."""

from __future__ import annotations

import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
WORKERS_PER_CORE = 2
"""Many tests wait for a process of theirs; meanwhile others compute."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Number of workers for ``-n auto``."""
    return WORKERS_PER_CORE * len(os.sched_getaffinity(0))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Gives all tests of a group to one worker, and every other test to whichever is free.

    xdist's own ``loadgroup`` appends the group to a test's private id, which pytest 9.2 no longer has.
    """
    from xdist.scheduler import LoadScopeScheduling

    class Groups(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
        def _split_scope(self, nodeid: str) -> str:
            return _group(nodeid.partition("::")[0]) or nodeid

    return Groups(config, log)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds ``--realtime``; ``make test`` runs the tests that measure time apart from the others."""
    words = "tests that measure time: with the others, not at all, or alone"
    parser.addoption("--realtime", choices=("yes", "no", "only"), default="yes", help=words)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what ``--realtime`` does not want, and puts the tests in order."""
    if (wanted := config.getoption("--realtime")) != "yes":
        chosen: tuple[list[pytest.Item], list[pytest.Item]] = ([], [])
        for item in items:
            chosen[bool(item.get_closest_marker("realtime")) == (wanted == "only")].append(item)
        left_out, items[:] = chosen
        config.hook.pytest_deselected(items=left_out)
    items[:] = _in_order(items)


def _in_order(items: list[pytest.Item]) -> list[pytest.Item]:
    """Named groups first, which take longest; then tests that wait among tests that compute, the dear ones first."""
    named = [item for item in items if _is_named(item)]
    waiting = [item for item in items if not _is_named(item) and item.get_closest_marker("system")]
    busy = [item for item in items if not _is_named(item) and not item.get_closest_marker("system")]
    busy.sort(key=lambda item: not item.get_closest_marker("slow"))
    places = [(number / len(part), item) for part in (waiting, busy) for number, item in enumerate(part)]
    return named + [item for _, item in sorted(places, key=lambda place: place[0])]


def _is_named(item: pytest.Item) -> bool:
    group = _group(item.nodeid.partition("::")[0])
    return bool(group) and "/" not in group


@lru_cache
def _group(path: str) -> str:
    """The file's ``xdist_group``, the file itself where its tests share what is made once a module, or nothing."""
    text = (ROOT / path).read_text("utf-8")
    if named := re.search(r'xdist_group\("([^"]+)"\)', text):
        return named[1]
    conftest = ROOT / Path(path).with_name("conftest.py")
    shared = text + (conftest.read_text("utf-8") if conftest.exists() else "")
    return path if 'scope="module"' in shared else ""


class FailuresAtOnce:
    """Prints a line for each failed test as soon as it has failed; pytest itself says so only at the end."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            terminal = self._config.pluginmanager.get_plugin("terminalreporter")
            why = (report.longreprtext.strip().splitlines() or [""])[-1]
            terminal.write_line(f"\nFAILED {report.nodeid}: {why}")


def pytest_configure(config: pytest.Config) -> None:
    """Registers the above where results are gathered, which is no worker."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(FailuresAtOnce(config))
