"""Run in the daemon's place, under all that edge.service says: what such a process can do. Prints one JSON object.

Each question is answered with "yes", or with the error's name.
"""

from __future__ import annotations

import ctypes
import errno
import json
import mmap
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

NEWUSER = 0x10000000


def answer(question: Callable[[], object]) -> str:
    try:
        question()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    return "yes"


def call(name: str, *arguments: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), name)


def send(address: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.sendto(b"?", (address, 9))


def invoke(runtime: str) -> None:
    from edge.inference.interpreter import open_interpreter

    interpreter = open_interpreter(Path(sys.argv[1]).read_bytes(), runtime=runtime)
    import numpy as np

    spec = interpreter.inputs[0]
    interpreter.invoke(np.zeros(spec.shape, spec.dtype))


answers = {
    "write /etc": answer(lambda: Path("/etc/x").write_text("")),
    "write /opt": answer(lambda: Path("/opt/edge/x").write_text("")),
    "write state": answer(lambda: Path("/var/lib/edge/x").write_text("")),
    "write /run/edge": answer(lambda: Path("/run/edge/x").write_text("")),
    "read /root": answer(lambda: list(Path("/root").iterdir())),
    "read the store": answer(lambda: list(Path("/etc/credstore").iterdir())),
    "write and execute": answer(lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)),
    "a tunnel": answer(lambda: os.close(os.open("/dev/tunnel", os.O_RDWR))),
    "a serial line": answer(lambda: os.close(os.open("/dev/ttyS0", os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY))),
    "random": answer(lambda: Path("/dev/urandom").open("rb").close()),
    "namespace": answer(lambda: call("unshare", NEWUSER)),
    "root": answer(lambda: os.setuid(0)),
    "clock": answer(lambda: call("settimeofday", ctypes.create_string_buffer(16), None)),
    "packets": answer(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close()),
    "netlink": answer(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW).close()),
    "bluetooth": answer(lambda: socket.socket(socket.AF_BLUETOOTH, socket.SOCK_RAW, 1).close()),
    "a core of its own": answer(lambda: os.sched_setaffinity(0, os.sched_getaffinity(0))),
    "idle moments": answer(lambda: os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))),
    "real time": answer(lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))),
    "the factory": answer(lambda: send("192.168.77.7")),
    "the world": answer(lambda: send("203.0.113.7")),
    **{runtime: answer(lambda runtime=runtime: invoke(runtime)) for runtime in sys.argv[2:]},  # type: ignore[misc]
}
folder = Path(os.environ["CREDENTIALS_DIRECTORY"])
facts = {"user": os.getuid(), "credentials": {path.name: path.read_text() for path in sorted(folder.iterdir())}}
Path("/var/lib/edge/x").unlink()
sys.stdout.write(json.dumps(answers | facts) + "\n")
