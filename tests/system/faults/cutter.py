"""A process that goes through all steps of an activation, and is cut at its n-th call that changes the disk.

It starts once, with ``cut_at.so`` preloaded, and forks a child for each cut.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge.device.slots import Slots
from edge.errors import StateError
from tests.system.faults.activation import run


@dataclass(frozen=True)
class Cut:
    """``done`` steps came to their end; ``error`` is what the next one said. ``ended``: it was not killed."""

    ended: bool
    done: int
    error: str


class Cutter:
    """The parent, seen from the test."""

    def __init__(self, library: Path) -> None:
        command = [sys.executable, "-m", "tests.system.faults.cutter"]
        environment = os.environ | {"LD_PRELOAD": str(library)}
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def cut(self, mode: str, number: int, folder: Path, artifacts: Path) -> Cut:
        """``mode`` as in cut_at.c; ``folder`` holds the slots."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([mode, number, str(folder), str(artifacts)]) + "\n")
        answer = self._process.stdout.readline()
        assert answer, "the process that is to be cut has ended"
        return Cut(**json.loads(answer))

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


@contextmanager
def cutting(library: Path) -> Iterator[Cutter]:
    cutter = Cutter(library)
    try:
        yield cutter
    finally:
        cutter.close()


def serve() -> None:
    """Reads cuts from standard input, one JSON list a line."""
    library = ctypes.CDLL(None)
    for line in sys.stdin:
        mode, number, folder, artifacts = json.loads(line)
        ours, theirs = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(ours)
            library.cut_at(folder.encode(), ord(mode), number)
            _work(Path(folder), Path(artifacts), theirs)
        os.close(theirs)
        with os.fdopen(ours) as told:
            answers = [json.loads(answer) for answer in told]
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status not in (0, -9):
            raise AssertionError(f"the child ended with {status}")
        done = max((answer for answer in answers if isinstance(answer, int)), default=0)
        error = next((answer for answer in answers if isinstance(answer, str)), "")
        sys.stdout.write(json.dumps({"ended": status == 0, "done": done, "error": error}) + "\n")
        sys.stdout.flush()


def _work(folder: Path, artifacts: Path, pipe: int) -> None:
    def tell(answer: int | str) -> None:
        os.write(pipe, json.dumps(answer).encode() + b"\n")

    try:
        run(Slots(folder), artifacts, tell)
    except StateError as error:
        tell(str(error))
    except BaseException:
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    serve()
