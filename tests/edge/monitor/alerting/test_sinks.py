"""Notices on their way, against real servers on the loopback interface."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP

from edge.errors import ConfigError, LinkError
from edge.monitor.alerting import Dispatcher, Notice, Rules, open_sinks
from edge.monitor.alerting.rules import EmailConfig, MqttConfig, WebhookConfig
from edge.monitor.alerting.sinks import Email, Webhook
from edge.monitor.queries.reading import Alert

ALERT = Alert(
    id=7,
    key='["drift", "blue", "site-1", "line-2"]',
    kind="drift",
    severity="warning",
    devices=("d1", "d2"),
    feature="blue",
    opened_ns=1_700_000_000 * 10**9,
    changed_ns=1_700_000_000 * 10**9,
    text="blue drifts at site-1, line-2 since 2023-11-14 22:13 +0000: d1, d2",
)
OPENED = Notice("opened", ALERT)


@dataclass
class Received:
    """What a server was sent; it answers with the statuses in turn, the last one again and again."""

    statuses: list[int] = field(default_factory=lambda: [204])
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def hook() -> Iterator[Received]:
    received = Received()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.requests.append((dict(self.headers), body))
            status = received.statuses.pop(0) if len(received.statuses) > 1 else received.statuses[0]
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    received.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield received
    server.shutdown()
    server.server_close()


class Mailbox:
    def __init__(self) -> None:
        self.messages: list[bytes] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        self.messages.append(envelope.content)
        return "250 OK"


@pytest.fixture
def mail() -> Iterator[tuple[EmailConfig, Mailbox]]:
    mailbox, loop = Mailbox(), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    serving = loop.create_server(lambda: SMTP(mailbox, loop=loop), "127.0.0.1", 0)
    server = asyncio.run_coroutine_threadsafe(serving, loop).result(20)
    port = server.sockets[0].getsockname()[1]
    yield EmailConfig("127.0.0.1", "line@example.com", ("a@example.com", "b@example.com"), port, tls=False), mailbox
    loop.call_soon_threadsafe(server.close)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
    loop.close()


def wait_until(holds: Callable[[], bool], timeout_s: float = 20) -> None:
    until = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_webhook_gets_json_that_names_the_alert(hook: Received):
    Webhook(WebhookConfig(hook.url)).send(OPENED)
    ((headers, body),) = hook.requests
    told = json.loads(body)
    assert told["what"] == "opened" and told["alert"]["devices"] == ["d1", "d2"]
    assert headers["Idempotency-Key"] == f"7-{ALERT.changed_ns}"


def test_a_webhook_with_a_secret_is_signed(hook: Received, tmp_path: Path):
    secret = tmp_path / "secret"
    secret.write_text("open sesame\n", "utf-8")
    Webhook(WebhookConfig(hook.url, secret)).send(OPENED)
    ((headers, body),) = hook.requests
    expected = hmac.new(b"open sesame", body, hashlib.sha256).hexdigest()
    assert headers["X-Edge-Signature"] == f"sha256={expected}"


def test_a_webhook_that_refuses_is_named_with_its_status(hook: Received):
    hook.statuses = [503]
    with pytest.raises(LinkError, match=r"webhook http://127\.0\.0\.1:\d+/hook: 503"):
        Webhook(WebhookConfig(hook.url + "?token=secret")).send(OPENED)


def test_a_webhook_that_is_not_there_is_named():
    with pytest.raises(LinkError, match="refused"):
        Webhook(WebhookConfig("http://127.0.0.1:9/")).send(OPENED)


def test_a_secret_that_cannot_be_read_is_named(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"webhook\.secret_file: .*none cannot be read"):
        Webhook(WebhookConfig("http://h/", tmp_path / "none"))


def test_an_email_names_line_and_devices(mail: tuple[EmailConfig, Mailbox]):
    config, mailbox = mail
    Email(config).send(OPENED)
    (raw,) = mailbox.messages
    message = message_from_bytes(raw, policy=policy.default)
    assert message["To"] == "a@example.com, b@example.com"
    assert message["Subject"].startswith("[edge] opened: blue drifts at site-1, line-2")
    assert "  d1\n  d2" in message.get_content().replace("\r", "")


def test_no_device_can_write_into_the_head_of_an_email(mail: tuple[EmailConfig, Mailbox]):
    config, mailbox = mail
    hostile = replace(ALERT, text="x\r\nBcc: all@example.com\r\n\r\nbuy", devices=("d1\nBcc: c@example.com",))
    Email(config).send(Notice("opened", hostile))
    message = message_from_bytes(mailbox.messages[0], policy=policy.default)
    assert message["Bcc"] is None and "Bcc: all@example.com" in message["Subject"]


def test_a_notice_is_tried_again_until_it_is_taken(hook: Received):
    hook.statuses = [500, 500, 204]
    dispatcher = Dispatcher([Webhook(WebhookConfig(hook.url))])
    dispatcher.tell([OPENED])
    wait_until(lambda: dispatcher.sent == 1)
    dispatcher.close()
    assert len({headers["Idempotency-Key"] for headers, _ in hook.requests}) == 1 and len(hook.requests) == 3


def test_one_that_hangs_holds_up_no_other(hook: Received, mail: tuple[EmailConfig, Mailbox]):
    config, mailbox = mail
    dispatcher = Dispatcher([Webhook(WebhookConfig("http://127.0.0.1:9/")), Email(config)])
    dispatcher.tell([OPENED])
    wait_until(lambda: dispatcher.sent == 1)
    assert len(mailbox.messages) == 1


def test_mqtt_needs_a_broker():
    with pytest.raises(ConfigError, match=r"mqtt\.publish: needs --broker"):
        open_sinks(Rules(mqtt=MqttConfig(publish=True)), None, "edge")
