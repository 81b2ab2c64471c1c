"""Alerts on a real broker: retained while they are open, readable by whoever comes later."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from converter.demo.broker import Mosquitto
from edge.errors import LinkError
from edge.monitor.alerting import Notice
from edge.monitor.alerting.sinks import MqttSink
from edge.monitor.reading import Alert
from edge.sync.broker import Broker

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
