"""Alerts on a real broker: retained while they are open, readable by whoever comes later."""

from __future__ import annotations

import http.server
import json
import queue
import subprocess
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from deploy.mosquitto.local import Mosquitto
from edge.errors import LinkError
from edge.monitor.alerting import Notice
from edge.monitor.alerting.sinks import MqttSink
from edge.monitor.queries.reading import Alert
from edge.protocol.broker import Broker
from tests.support.daemon import EDGE

pytestmark = pytest.mark.system

ALERT = Alert(
    id=3, key="k", kind="quiet", severity="critical", devices=("d1",), opened_ns=1, changed_ns=1, text="no word"
)


def retained(broker: Mosquitto, topic: str) -> list[dict[str, Any]]:
    """What somebody who subscribes now is told first."""
    found: list[dict[str, Any]] = []
    subscribed: list[int] = []
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)

    def keep(_client: Client, _userdata: Any, message: MQTTMessage) -> None:
        found.append(json.loads(message.payload))

    client.on_message = keep
    client.on_subscribe = lambda *_: subscribed.append(1)
    client.connect(Broker.parse(broker.url).host, Broker.parse(broker.url).port)
    client.subscribe([(topic, 1), ("end", 1)])
    client.publish("end", b"{}", 1)
    until = time.monotonic() + 20
    while {} not in found and time.monotonic() < until:
        client.loop(0.1)
    client.disconnect()
    return [message for message in found if message]


def test_an_open_alert_is_retained_and_a_closed_one_takes_its_place(mosquitto: Mosquitto):
    sink = MqttSink(Broker.parse(mosquitto.url), "edge")
    sink.send(Notice("opened", ALERT))
    (told,) = retained(mosquitto, "edge/v1/@alerts/+")
    assert told["what"] == "opened" and told["alert"]["devices"] == ["d1"]
    sink.send(Notice("closed", replace(ALERT, closed_ns=2)))
    (told,) = retained(mosquitto, "edge/v1/@alerts/+")
    assert told["what"] == "closed"


def test_a_broker_that_was_away_gets_the_next_try(mosquitto: Mosquitto):
    sink = MqttSink(Broker.parse(mosquitto.url), "edge")
    sink.send(Notice("opened", ALERT))
    mosquitto.stop()
    with pytest.raises(LinkError):
        sink.send(Notice("grown", ALERT))
    mosquitto.start()
    sink.send(Notice("grown", ALERT))
    assert [told["what"] for told in retained(mosquitto, "edge/v1/@alerts/3")] == ["grown"]


def test_the_monitor_tells_of_a_drift_of_a_simulated_fleet(mosquitto: Mosquitto, tmp_path: Path):
    """Everything at once: fleet, broker, monitor, store, rules, webhook."""
    told: queue.Queue[dict[str, Any]] = queue.Queue()

    class Hook(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    rules, script = tmp_path / "alerts.toml", tmp_path / "script.toml"
    rules.write_text(f'[group]\nwait_s = 0\n[[webhook]]\nurl = "http://127.0.0.1:{server.server_port}/"\n', "utf-8")
    script.write_text('[[change]]\ndevices = "d00003"\nat_s = 3\nshift = { sharpness = -5 }\n', "utf-8")
    store = ["--store", str(tmp_path / "monitor.db"), "--alerts", str(rules)]
    monitor = subprocess.Popen(
        [*EDGE, "monitor", "--broker", mosquitto.url, *store, "--json"], stdout=subprocess.DEVNULL
    )
    words = ["--devices", "6", "--interval", "1", "--samples", "60", "--pool", "4", "--script", str(script)]
    fleet = subprocess.Popen([*EDGE, "simulate", *words, "--broker", mosquitto.url], stderr=subprocess.DEVNULL)
    try:
        drifts = (one for one in iter(lambda: told.get(timeout=120), None) if one["alert"]["kind"] == "drift")
        alert = next(drifts)["alert"]
        assert (alert["feature"], alert["devices"]) == ("sharpness", ["d00003"])
    finally:
        for process in (fleet, monitor):
            process.terminate()
            process.wait(30)
        server.shutdown()
        server.server_close()
