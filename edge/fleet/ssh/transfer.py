"""The sender's end of a transfer over SSH: what the device lacks, again and again until it is all there."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any

from edge.core.backoff import Backoff
from edge.errors import FlashError
from edge.fleet.bundle import Bundle
from edge.fleet.ssh.client import Client, DroppedError, RemoteCommand
from edge.fleet.ssh.remote_cli import RemoteCli

CHUNK = 1 << 16
WINDOW = 1 << 18
"""At most so many bytes are under way: what a dropped connection costs, and no more. With a round trip of 100 ms this
still gives 2.5 MB a second."""
MIN_PAUSE_S, MAX_PAUSE_S = 1.0, 30.0
MAX_DAMAGED = 2
"""A device that gets other bytes than were sent, so often, has a bad disk."""


@dataclass(slots=True)
class Transfer:
    """One artifact to one device. :attr:`sent` and :attr:`have` can be looked at while it goes on."""

    client: Client
    remote: RemoteCli
    bundle: Bundle
    until: float
    """On the monotonic clock."""
    tell: Callable[[int], None]
    """Gets how many bytes the device has."""
    waits: Callable[[str], None]
    """Gets why the connection is waited for."""
    sent: int = 0
    """Bytes of the artifact sent, in all attempts."""
    have: int = 0
    """Bytes that the device has, as it says."""

    path: str = ""
    """Where it lies on the device, once it is whole."""

    def run(self) -> None:
        """Raises FlashError: for what the device says against it, and when it could not be reached in time."""
        backoff, damaged = Backoff(MIN_PAUSE_S, MAX_PAUSE_S), 0
        while not self.path:
            began = time.monotonic()
            try:
                damaged += self._attempt()
            except DroppedError as error:
                self._wait(error, backoff.after(time.monotonic() - began))
            if damaged >= MAX_DAMAGED:
                raise FlashError("what arrives there is not what was sent, twice; is its disk sound?")

    def _wait(self, error: DroppedError, pause_s: float) -> None:
        if time.monotonic() + pause_s >= self.until:
            raise FlashError(f"{error}; gave up after {self.have} of {self.bundle.size} bytes, which it keeps")
        self.waits(str(error))
        self.client.pause(pause_s)

    def _attempt(self) -> bool:
        """Whether the device found the whole damaged, and threw it away."""
        last: dict[str, Any] = {}  # stays so when the device closes its end while it is written to
        with self.client.session(self.remote.receive(self.bundle), self.until) as session:
            last = self._send(session)
        if session.status and "damaged" not in last:
            raise FlashError(self.remote.explain(session.status, session.complaint))
        self.path = str(last.get("path", ""))
        return not self.path

    def _send(self, session: RemoteCommand) -> dict[str, Any]:
        """The last that the device says."""
        stream = session.process.stdin
        assert stream is not None
        said = _hear(session.lines)
        at = self._heard(said)
        while said and self.have < self.bundle.size:
            while at < self.bundle.size and at - self.have < WINDOW:
                at += self._write(stream, at)
            said = _hear(session.lines)
            self._heard(said)
        if "path" in said:
            return said
        stream.close()
        while following := _hear(session.lines):
            said = following
        return said

    def _write(self, stream: IO[bytes], at: int) -> int:
        chunk = self.bundle.data[at : at + CHUNK]
        self.sent += len(chunk)
        stream.write(chunk)
        stream.flush()
        return len(chunk)

    def _heard(self, said: dict[str, Any]) -> int:
        have = said.get("have")
        if isinstance(have, int):
            self.have = have
            self.tell(have)
        return self.have


def _hear(lines: IO[bytes]) -> dict[str, Any]:
    """The next object; what a shell's start-up files print is passed over. Empty at the end."""
    for line in lines:
        try:
            found = json.loads(line) if line.startswith(b"{") else None
        except ValueError:
            continue
        if isinstance(found, dict) and found:
            return found
    return {}
