"""A subscriber in a process of its own, which only counts: ``python -m tests.bench.listener URL FILE``.

Writes one JSON object a line to the file: ``{"records": …, "at_ns": …}`` twice a second, and for each drift window
``{"lag_s": …, "closed_ns": …}``, from the capture of its last part (wall clock) to its arrival.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion


@contextmanager
def listening(url: str, out: Path) -> Iterator[None]:
    """Runs it, once it is subscribed, inside; ended outside."""
    command = [sys.executable, "-m", "tests.bench.listener", url, str(out)]
    with subprocess.Popen(command) as process:
        while not out.exists():
            time.sleep(0.02)
        try:
            yield
        finally:
            process.terminate()


def read(out: Path) -> list[dict[str, float]]:
    """What it has written so far; a line that is under way is left out."""
    return [json.loads(line) for line in out.read_text().splitlines(keepends=True) if line.endswith("\n")]


def _main(url: str, path: Path) -> None:
    records, said_s = 0, 0.0
    out = path.with_suffix(".part").open("w", buffering=1)

    def on_message(_client: Any, _userdata: Any, message: Any) -> None:
        nonlocal records
        if message.topic.endswith("/predictions"):
            records += message.payload.count(b"],[") + 1
        elif "/drift/" in message.topic and not message.retain:
            end_ns = json.loads(message.payload)["window"]["end_ns"]
            out.write(json.dumps({"lag_s": (time.time_ns() - end_ns) / 1e9, "closed_ns": end_ns}) + "\n")

    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.on_message = on_message
    client.on_subscribe = lambda *_: path.with_suffix(".part").rename(path)
    client.connect("127.0.0.1", int(url.rsplit(":", 1)[1]))
    client.subscribe("edge/v1/+/#", qos=1)
    while True:
        client.loop(0.05)
        if time.monotonic() - said_s >= 0.5:
            said_s = time.monotonic()
            out.write(json.dumps({"records": records, "at_ns": time.monotonic_ns()}) + "\n")


if __name__ == "__main__":
    _main(sys.argv[1], Path(sys.argv[2]))
