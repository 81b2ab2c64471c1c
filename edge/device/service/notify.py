"""Messages of a service to systemd: ``sd_notify(3)``, a datagram to the socket that ``$NOTIFY_SOCKET`` names.

Outside systemd there is nobody to tell, and nothing happens.
"""

from __future__ import annotations

import os
import socket

SEND_S = 0.2
"""The manager reads its socket at once; one that does not must not hold up the daemon."""


def notify(**state: str | int) -> bool:
    """``notify(READY=1, STATUS="judging")``; whether it went out. Never raises: a line does not stop for it.

    Line breaks in a value become blanks, since each line is an assignment of its own.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    text = "\n".join(f"{name}={' '.join(str(value).split())}" for name, value in state.items())
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
            out.settimeout(SEND_S)
            out.sendto(text.encode(), address)
    except OSError:
        return False
    return True


def watchdog_s() -> float | None:
    """Seconds within which systemd wants to hear ``WATCHDOG=1`` from this process; None: it does not."""
    text, process = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    if not text.isdecimal() or int(text) == 0 or (process and process != str(os.getpid())):
        return None
    return int(text) / 1e6
