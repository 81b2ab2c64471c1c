"""The system's OpenSSH client: how it is called, and what its complaints mean."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, BinaryIO

from edge.errors import FlashError, MissingError
from edge.fleet.options import SshOptions
from edge.fleet.ssh.address import SshAddress

ALIVE_S, ALIVE_TRIES = 5, 3
"""A connection that is silent for ALIVE_S * ALIVE_TRIES seconds is a dropped one."""
DROPPED = 255
"""The exit status of ssh itself, when it could not connect or lost the connection."""
_LASTING = (
    "Host key verification failed",
    "HOST IDENTIFICATION HAS CHANGED",
    "Permission denied",
    "Bad configuration",
)
"""Complaints of ssh after which another attempt would end the same way."""
_MAX_SAID, _MAX_ANSWER = 64 << 10, 1 << 20


class DroppedError(FlashError):
    """No connection, or not any more; another attempt may do."""


class SilentError(FlashError):
    """Time is up."""


class StoppedError(FlashError):
    """Somebody asked for it."""


@dataclass(frozen=True, slots=True)
class CommandResult:
    """Output of a command, and how it ended."""

    text: str
    status: int
    complaint: str
    """Its last line on standard error."""


class Client:
    """Commands on one device, one at a time. :meth:`stop`, from any thread, ends this one and all later ones."""

    def __init__(self, address: SshAddress, options: SshOptions) -> None:
        self._address, self._options = address, options
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = threading.Event()

    @property
    def stopped(self) -> bool:
        return self._stopped.is_set()

    def stop(self) -> None:
        self._stopped.set()
        self._kill()

    def pause(self, seconds: float) -> None:
        """Sleeps. Raises StoppedError."""
        if self._stopped.wait(seconds):
            raise StoppedError("stopped")

    def words(self, command: str) -> list[str]:
        """The whole command line. What the user asked for comes first, for ssh keeps the first value of an option."""
        options = [
            *self._options.extra,
            "BatchMode=yes",
            f"ConnectTimeout={self._options.connect_s:.0f}",
            f"ServerAliveInterval={ALIVE_S}",
            f"ServerAliveCountMax={ALIVE_TRIES}",
            "LogLevel=ERROR",
            "ClearAllForwardings=yes",
            "RemoteCommand=none",
        ]
        chosen = [] if self._options.ssh_config is None else ["-F", str(self._options.ssh_config)]
        given = [word for option in options for word in ("-o", option)]
        return ["ssh", "-T", *chosen, *given, *self._address.words, command]

    def run(self, command: str, until: float) -> CommandResult:
        """Standard output and status of a command that reads nothing. Raises as :meth:`session`."""
        with self.session(command, until) as session:
            session.process.stdin.close()  # type: ignore[union-attr]
            said = session.lines.read(_MAX_ANSWER)
        return CommandResult(said.decode("utf-8", "replace"), session.status, session.complaint)

    @contextlib.contextmanager
    def session(self, command: str, until: float) -> Iterator[RemoteCommand]:
        """A command to talk with; killed at ``until`` on the monotonic clock. Its status is there after the block.

        Raises MissingError without ssh, SilentError when time is up, DroppedError when the connection is lost or was
        never there, StoppedError, and FlashError for a connection that will never be.
        """
        with tempfile.TemporaryFile() as complaints:
            process = self._begin(command, complaints)
            timer = threading.Timer(max(0.0, until - time.monotonic()), process.kill)
            timer.daemon = True
            timer.start()
            session = RemoteCommand(process, complaints)
            try:
                # A write to a process that has gone says less than the status it left.
                with contextlib.suppress(BrokenPipeError):
                    yield session
                session.finish()
            finally:
                timer.cancel()
                process.kill()
                session.finish()
        self._judge(session, until)

    def _begin(self, command: str, complaints: IO[bytes]) -> subprocess.Popen[bytes]:
        pipe = subprocess.PIPE
        with self._lock:
            if self.stopped:
                raise StoppedError("stopped")
            try:
                # A process group of its own: Ctrl-C is for us, who then say in which state the device was left.
                self._process = subprocess.Popen(
                    self.words(command), stdin=pipe, stdout=pipe, stderr=complaints, start_new_session=True
                )
            except FileNotFoundError:
                raise MissingError(
                    "ssh is not installed; apt-get install --no-install-recommends openssh-client"
                ) from None
            return self._process

    def _kill(self) -> None:
        with self._lock:
            if self._process is not None:
                self._process.kill()

    def _judge(self, session: RemoteCommand, until: float) -> None:
        if self.stopped:
            raise StoppedError("stopped")
        if session.status < 0 and time.monotonic() >= until:
            raise SilentError("no answer in time")
        if session.status == DROPPED or session.status < 0:
            said = session.complaint.removeprefix("ssh: ") or "the connection was lost"
            lasting = any(words in session.said for words in _LASTING)
            raise (FlashError if lasting else DroppedError)(f"ssh: {said}")


class RemoteCommand:
    """A running command: ``process.stdin`` to write to, :attr:`lines` to read."""

    def __init__(self, process: subprocess.Popen[bytes], complaints: BinaryIO | IO[bytes]) -> None:
        self.process, self._complaints = process, complaints
        assert process.stdout is not None
        self.lines = process.stdout
        self.status = 0
        self.said = ""

    def finish(self) -> None:
        """Waits for its end."""
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self.status = self.process.wait()
        self._complaints.seek(0)
        self.said = self._complaints.read(_MAX_SAID).decode("utf-8", "replace")

    @property
    def complaint(self) -> str:
        """The last line on standard error: what comes before it is banners and warnings."""
        lines = [line.strip() for line in self.said.splitlines() if line.strip()]
        return lines[-1].removeprefix("edge: ") if lines else ""
