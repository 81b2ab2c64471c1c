"""Roll-outs as an engineer sees them, and what the broker holds of them."""

from __future__ import annotations

import json
import subprocess
import time
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from tests.support.daemon import EDGE


class Flashed:
    """What ``edge flash --json`` said."""

    def __init__(self, words: list[object]) -> None:
        command = [*EDGE, "flash", *map(str, words), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        self.status, self.err = done.returncode, done.stderr
        self.results: dict[str, dict[str, Any]] = {
            found["device"]: found for found in map(json.loads, done.stdout.splitlines())
        }

    def endings(self) -> dict[str, str]:
        return {device: result["result"] for device, result in self.results.items()}


def flash(*words: object) -> Flashed:
    return Flashed(list(words))


def retained(broker: str, seconds: float = 0.5, user: str = "") -> dict[str, bytes]:
    """All that the broker holds below edge/v1 and lets this user see."""
    found: dict[str, bytes] = {}
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    if user:
        client.username_pw_set(user)
    client.on_message = lambda _c, _u, message: found.__setitem__(message.topic, bytes(message.payload))
    client.on_connect = lambda *_: client.subscribe("edge/v1/#", qos=1)
    client.connect("127.0.0.1", int(broker.rsplit(":", 1)[1]))
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        count = len(found)
        client.loop(0.05)
        if len(found) > count:
            until = time.monotonic() + seconds
    client.disconnect()
    return found


def left_over(broker: str) -> list[str]:
    """What a roll-out should not leave at the broker."""
    return [topic for topic in retained(broker) if "@model" in topic or topic.endswith("/desired")]
