"""Output of the demo: each step a line with its time, each command as a user would type it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from edge.errors import EdgeError


class StepError(EdgeError):
    """A command of the demo failed; its own message was printed."""


@contextmanager
def step(title: str) -> Iterator[None]:
    """Prints the title, and the seconds it took."""
    started = time.monotonic()
    sys.stdout.write(f"\n▸ {title}\n")
    sys.stdout.flush()
    yield
    sys.stdout.write(f"  {time.monotonic() - started:.1f} s\n")


def command(*words: str | Path) -> None:
    """Runs ``edge …`` of this environment, shown as it would be typed. Raises StepError."""
    sys.stdout.write(f"  $ edge {' '.join(map(str, words))}\n")
    sys.stdout.flush()
    run([*edge(), *map(str, words)])


def edge() -> list[str]:
    """The ``edge`` command of this environment."""
    return [sys.executable, "-m", "edge.cli.main"]


def run(words: Sequence[str]) -> None:
    """Raises StepError when the command fails."""
    status = subprocess.run(words, check=False).returncode
    if status != 0:
        raise StepError(f"demo: {' '.join(words[2:])} ended with status {status}")


class Bar:
    """A progress bar on one line of a terminal; elsewhere a line for each new ``state``."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._terminal = stream, stream.isatty()
        self._state = ""

    def show(self, share: float, done: str, state: str) -> None:
        """``done`` changes all the time, ``state`` a few times."""
        filled = round(24 * min(max(share, 0.0), 1.0))
        text = f"  [{'█' * filled}{'·' * (24 - filled)}] {f'{done}, {state}':<48}"
        if self._terminal:
            self._stream.write(f"\r{text}")
        elif state != self._state:
            self._stream.write(f"{text.rstrip()}\n")
        self._state = state
        self._stream.flush()

    def close(self) -> None:
        """Leaves the line."""
        if self._terminal:
            self._stream.write("\n")
            self._stream.flush()
