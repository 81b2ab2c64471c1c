"""The display on a terminal, drawn by rich: all targets that are under way, and how many are done."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from edge.fleet.connector import DeployStep, Tell
from edge.fleet.progress.lines import said


@contextlib.contextmanager
def live(stream: TextIO, count: int) -> Iterator[Tell]:
    """Shows progress like :func:`edge.fleet.progress.display.display`; rich locks for itself."""
    columns = (
        TextColumn("{task.fields[target]}", markup=False),
        BarColumn(bar_width=20),
        TextColumn("{task.fields[words]}", markup=False),
    )
    with Progress(*columns, console=Console(file=stream), transient=True) as progress:
        yield LiveProgress(progress, count).tell


class LiveProgress:
    """One bar for each target while it is under way, and one for all."""

    def __init__(self, progress: Progress, count: int) -> None:
        self._progress, self._count, self._done = progress, count, 0
        self._all = progress.add_task("", total=count, target="all", words=self._words())
        self._tasks: dict[str, TaskID] = {}

    def tell(self, step: DeployStep) -> None:
        if step.stage == "done":
            self._finish(step.target)
            return
        task = self._tasks.get(step.target)
        if task is None:
            task = self._progress.add_task("", total=None, target=step.target, words="")
            self._tasks[step.target] = task
        self._progress.update(task, completed=step.done, total=step.total or None, words=said(step))

    def _finish(self, target: str) -> None:
        task = self._tasks.pop(target, None)
        if task is not None:
            self._progress.remove_task(task)
        self._done += 1
        self._progress.update(self._all, completed=self._done, words=self._words())

    def _words(self) -> str:
        return f"{self._done} of {self._count}"
