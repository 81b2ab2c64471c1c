"""Where notices go: a webhook, e-mail, MQTT. Each raises LinkError when the other side does not take it."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import smtplib
import ssl
import urllib.error
import urllib.request
from collections.abc import Sequence
from email.message import EmailMessage
from email.utils import formatdate
from pathlib import Path
from typing import Any, Protocol

from edge.core.structs import plain
from edge.errors import ConfigError, LinkError
from edge.monitor.alerting.book import Notice
from edge.monitor.alerting.rules import EmailConfig, Rules, WebhookConfig
from edge.protocol.broker import Broker
from edge.protocol.topics import VERSION, check_root
from edge.protocol.transport import Outgoing

TIMEOUT_S = 10.0
CLOSED_KEPT_S = 7 * 24 * 3600
SCHEMA = 1


class AlertSink(Protocol):
    """One instance serves one thread. ``str()`` names it in logs, without secrets."""

    def send(self, notice: Notice) -> None:
        """Returns when the other side has taken it. Raises LinkError."""


def as_json(notice: Notice) -> bytes:
    """``{"schema": 1, "what": "opened", "alert": {...}}``; ``alert.id`` and ``alert.changed_ns`` name a notice."""
    return json.dumps(
        {"schema": SCHEMA, "what": notice.what, "alert": plain(notice.alert)}, ensure_ascii=False
    ).encode()


class Webhook:
    """POSTs JSON; anything but a 2xx answer is a refusal."""

    def __init__(self, config: WebhookConfig) -> None:
        """Raises ConfigError for a secret that cannot be read."""
        self._url = config.url
        self._secret = _secret(config.secret_file, "webhook.secret_file")

    def __str__(self) -> str:
        return f"webhook {self._url.split('?', 1)[0]}"

    def send(self, notice: Notice) -> None:
        body = as_json(notice)
        headers = {"Content-Type": "application/json", "User-Agent": "edge-monitor"}
        headers["Idempotency-Key"] = f"{notice.alert.id}-{notice.alert.changed_ns}"
        if self._secret is not None:
            digest = hmac.new(self._secret.encode(), body, hashlib.sha256).hexdigest()
            headers["X-Edge-Signature"] = f"sha256={digest}"
        request = urllib.request.Request(self._url, body, headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S):
                pass
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            code = f"{error.code} " if isinstance(error, urllib.error.HTTPError) else ""
            raise LinkError(f"{self}: {code}{reason}") from None


class Email:
    """One message a notice, over SMTP with STARTTLS."""

    def __init__(self, config: EmailConfig) -> None:
        """Raises ConfigError for a password that cannot be read."""
        self._config = config
        self._password = _secret(config.password_file, "email.password_file")

    def __str__(self) -> str:
        return f"e-mail by {self._config.host}:{self._config.port}"

    def send(self, notice: Notice) -> None:
        config = self._config
        try:
            with smtplib.SMTP(config.host, config.port, timeout=TIMEOUT_S) as server:
                if config.tls:
                    server.starttls(context=ssl.create_default_context())
                if self._password is not None:
                    server.login(config.user, self._password)
                server.send_message(self._message(notice))
        except (OSError, smtplib.SMTPException) as error:
            raise LinkError(f"{self}: {error}") from None

    def _message(self, notice: Notice) -> EmailMessage:
        alert, message = notice.alert, EmailMessage()
        message["From"], message["To"] = self._config.sender, ", ".join(self._config.to)
        message["Subject"] = f"[edge] {notice.what}: {_one_line(alert.text)}"[:200]
        message["Date"] = formatdate(alert.changed_ns / 1e9, localtime=True)
        message["Message-ID"] = f"<alert-{alert.id}-{alert.changed_ns}@edge.invalid>"
        message["References"] = f"<alert-{alert.id}-{alert.opened_ns}@edge.invalid>"
        devices = "\n".join(f"  {_one_line(name)}" for name in alert.devices)
        message.set_content(f"{_one_line(alert.text)}\n\n{len(alert.devices)} device(s):\n{devices}\n")
        return message


class MqttSink:
    """Retained on ``<root>/v1/@alerts/<number>``; a closed one goes away after a week."""

    def __init__(self, broker: Broker, root: str) -> None:
        from edge.protocol.mqtt import MqttTransport

        self._transport: Any = MqttTransport(broker)
        self._base = f"{check_root(root)}/{VERSION}/@alerts"
        self._connected = False

    def __str__(self) -> str:
        return f"MQTT at {self._transport}"

    def send(self, notice: Notice) -> None:
        expiry_s = CLOSED_KEPT_S if notice.what == "closed" else None
        message = Outgoing(f"{self._base}/{notice.alert.id}", as_json(notice), retain=True, expiry_s=expiry_s)
        try:
            if not self._connected:
                self._transport.connect()
            token = self._transport.publish(message)
            self._connected = True
            self._wait_for(token)
        except LinkError:
            self._connected = False
            raise

    def _wait_for(self, token: int) -> None:
        for _ in range(int(TIMEOUT_S)):
            for answer in self._transport.poll(1.0):
                if answer.token == token and answer.refused:
                    raise LinkError(f"{self}: {answer.reason}; check the broker's ACL")
                if answer.token == token:
                    return
        raise LinkError(f"{self}: no answer")


def open_sinks(rules: Rules, broker: Broker | None, root: str) -> Sequence[AlertSink]:
    """Opens the sinks that the rules name. Raises ConfigError."""
    sinks: list[AlertSink] = [*map(Webhook, rules.webhook), *map(Email, rules.email)]
    if rules.mqtt.publish:
        if broker is None:
            raise ConfigError("mqtt.publish: needs --broker")
        sinks.append(MqttSink(broker, root))
    return sinks


def _secret(path: Path | None, what: str) -> str | None:
    if path is None:
        return None
    try:
        return path.read_text("utf-8").split("\n", 1)[0].strip("\r")
    except (OSError, ValueError) as error:
        raise ConfigError(f"{what}: {path} cannot be read: {error}") from None


def _one_line(text: str) -> str:
    """Headers take no line breaks, and what devices say is not to be trusted."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
