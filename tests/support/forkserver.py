"""A Python that has imported what takes long, and forks for each program it is asked to run.

Importing TensorFlow costs five seconds of processor time, so tests that are about a program that uses it start the
program through :class:`ForkServer`: ``python`` is an executable that takes a Python command line and runs it in a
process of its own, as ``sys.executable`` would, with the modules imported before. Working folder, environment,
standard streams, exit status and the signal that ended it are those of the command; killing the command kills the
process and the session of processes below it. All but the modules that it ``serves``, and ``-c`` where that is
among them, goes to a Python that starts as ever.

Run as a program this is the server::

    python -m tests.support.forkserver SOCKET OTHERWISE MODULE …
"""

from __future__ import annotations

import array
import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PYTHON = sys.executable
TENSORFLOW = ("numpy", "cv2", "h5py", "tensorflow", "keras", "tensorflow.lite.python.lite")
_STATUS = struct.Struct("i")
_CHUNK = 1 << 16

_COMMAND = """#!{python} -IS
import array, json, os, signal, socket, sys
if not {serves!r}.intersection(sys.argv[1:2] if sys.argv[1:2] != ["-m"] else sys.argv[2:3]):
    os.execv({otherwise!r}, [{otherwise!r}, *sys.argv[1:]])
server = socket.socket(socket.AF_UNIX)
server.connect({address!r})
request = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
streams = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))]
server.sendmsg([len(request).to_bytes(4, "little")], streams)
server.sendall(request)
for stream in (0, 1, 2):
    os.close(stream)
status = int.from_bytes(server.recv(4), "little", signed=True)
if status < 0:
    signal.signal(-status, signal.SIG_DFL) if -status != signal.SIGKILL else None
    os.kill(os.getpid(), -status)
os._exit(status)
"""


class ForkServer:
    """One server; ``environment`` is set before the ``modules`` are imported, for what they read only then.

    ``otherwise`` is the Python that runs what it does not serve, and that starts the children of what it forks.
    """

    def __init__(
        self,
        serves: Sequence[str],
        modules: Sequence[str] = TENSORFLOW,
        environment: Mapping[str, str] | None = None,
        otherwise: str | Path = PYTHON,
    ) -> None:
        folder = Path(tempfile.mkdtemp(prefix="fork-"))  # the name of a socket may have 107 bytes only
        self.python, address = folder / "python", folder / "socket"
        self.python.write_text(
            _COMMAND.format(python=PYTHON, serves=set(serves), address=str(address), otherwise=str(otherwise))
        )
        self.python.chmod(0o755)
        self._process = subprocess.Popen(
            [PYTHON, "-m", "tests.support.forkserver", str(address), str(otherwise), *modules],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow", **(environment or {})},
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"

    def close(self) -> None:
        """Ends the server, after the processes that it has forked."""
        self._process.terminate()
        self._process.communicate()
        for path in (*self.python.parent.iterdir(), self.python.parent):
            path.rmdir() if path.is_dir() else path.unlink()

    def __enter__(self) -> ForkServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Server:
    """Forks for each connection, sends the status when the process has ended, kills it when the connection ends."""

    def __init__(self, address: str) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(address)
        self._listener.listen()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._running: dict[int, socket.socket] = {}

    def serve(self) -> list[str]:
        """Serves until SIGTERM ends the process. Returns only in a fork: the command line that it is to run."""
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._listener:
                    connection = self._listener.accept()[0]
                    arguments = self._fork(connection)
                    if arguments:
                        return arguments
                elif isinstance(key.fileobj, socket.socket):
                    self._abandoned(key.fileobj)
                else:
                    self._ended(key.data)

    def _fork(self, connection: socket.socket) -> list[str]:
        (arguments, folder, environment), streams = _receive(connection)
        process = os.fork()
        if process:
            for stream in streams:
                os.close(stream)
            self._running[process] = connection
            self._selector.register(connection, selectors.EVENT_READ, process)
            self._selector.register(os.pidfd_open(process), selectors.EVENT_READ, process)
            return []
        os.setsid()
        self._selector.close()
        for one in (self._listener, connection, *self._running.values()):
            one.close()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        tempfile.tempdir = None  # it was found in the server's environment
        return list(arguments)

    def _abandoned(self, connection: socket.socket) -> None:
        """The command was killed."""
        self._selector.unregister(connection)
        for process, other in self._running.items():
            if other is connection:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)  # by itself too: it may have no session yet
                    os.killpg(process, signal.SIGKILL)

    def _ended(self, process: int) -> None:
        (descriptor,) = (
            key.fd
            for key in self._selector.get_map().values()
            if key.data == process and isinstance(key.fileobj, int)
        )
        self._selector.unregister(descriptor)
        os.close(descriptor)
        connection = self._running.pop(process)
        with suppress(KeyError):
            self._selector.unregister(connection)
        status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        with suppress(OSError):
            connection.sendall(_STATUS.pack(status))
        connection.close()


def _receive(connection: socket.socket) -> tuple[Any, list[int]]:
    """What the command is to do, and its three standard streams."""
    streams = array.array("i")
    room = socket.CMSG_SPACE(3 * streams.itemsize)
    length, ancillary, _, _ = connection.recvmsg(4, room)
    for _, _, data in ancillary:
        streams.frombytes(data)
    content = b""
    while len(content) < int.from_bytes(length, "little"):
        content += connection.recv(_CHUNK)
    return json.loads(content), streams.tolist()


def _run(arguments: list[str]) -> None:
    """As ``python -m MODULE …`` or ``python -c CODE …`` runs it."""
    way, what, *rest = arguments
    sys.path[0] = str(Path.cwd()) if way == "-m" else ""
    for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep)[::-1]:
        if folder and folder not in sys.path:
            sys.path.insert(1, folder)
    if way == "-m":
        sys.argv = [what, *rest]
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        sys.argv = ["-c", *rest]
        exec(compile(what, "<string>", "exec"), {"__name__": "__main__"})


def main(address: str, otherwise: str, modules: Sequence[str]) -> None:
    """The server, and in each fork the program."""
    with warnings.catch_warnings(action="ignore"):
        for module in modules:
            importlib.import_module(module)
    gc.collect()
    gc.freeze()
    server = _Server(address)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    arguments = server.serve()
    sys.executable = otherwise
    _run(arguments)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
