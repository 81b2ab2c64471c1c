"""The controller as a process on a pty."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.firmware_stubs.building import build


class HostedController:
    """``line-controller``: the firmware's core, a pty for its serial line, a belt moved by the test."""

    def __init__(self, port: Path, *options: str) -> None:
        self.port = port
        self._process = subprocess.Popen(
            [build("host") / "line-controller", "--port", str(port), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdin
        assert self._process.stdout
        assert self._process.stdout.readline().startswith("port ")

    @property
    def uri(self) -> str:
        return f"serial://{self.port}"

    def do(self, *commands: str) -> None:
        assert self._process.stdin
        self._process.stdin.write("".join(f"{command}\n" for command in commands))
        self._process.stdin.flush()

    def lines(self) -> Iterator[str]:
        """What its outputs do, as it happens, until it ends."""
        assert self._process.stdout
        yield from self._process.stdout

    def stop(self) -> list[str]:
        """What its outputs did: ``gate open 120`` and so on."""
        if self._process.poll() is None:
            self.do("quit")
        try:
            return self._process.communicate(timeout=5)[0].splitlines()
        finally:
            self._process.kill()


def wait_until(condition: Callable[[], object], seconds: float = 60.0) -> float:
    """Seconds that it took; fails when it does not come true."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, "did not come true in time"
        time.sleep(0.001)
    return time.monotonic() - began
