"""Hooks of pytest that decide which worker runs a test and when, and that name a failed test at once."""

from __future__ import annotations

import os

import pytest

WORKERS_PER_CORE = 2
"""Many tests wait for a process of theirs; meanwhile others compute."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Number of workers for ``-n auto``."""
    return WORKERS_PER_CORE * len(os.sched_getaffinity(0))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds ``--realtime``; ``make test`` runs the tests that measure time apart from the others."""
    words = "tests that measure time: with the others, not at all, or alone"
    parser.addoption("--realtime", choices=("yes", "no", "only"), default="yes", help=words)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Sorts the dearest tests first and keeps tests that share a module's fixture in one worker."""
    if (wanted := config.getoption("--realtime")) != "yes":
        chosen: tuple[list[pytest.Item], list[pytest.Item]] = ([], [])
        for item in items:
            chosen[bool(item.get_closest_marker("realtime")) == (wanted == "only")].append(item)
        left_out, items[:] = chosen
        config.hook.pytest_deselected(items=left_out)
    for item in items:
        if not item.get_closest_marker("xdist_group") and _shares_a_fixture(item):
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))
    items.sort(key=_rank)


def _shares_a_fixture(item: pytest.Item) -> bool:
    fixtures = getattr(item, "_fixtureinfo", None)
    found = fixtures.name2fixturedefs.values() if fixtures else ()
    return any(definition.scope in ("class", "module") for definitions in found for definition in definitions)


def _rank(item: pytest.Item) -> int:
    group = item.get_closest_marker("xdist_group")
    if group and "/" not in group.args[0]:
        return 0  # a group with a name of its own takes longest
    return next((rank for rank, name in enumerate(("system", "slow"), 1) if item.get_closest_marker(name)), 3)


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
