"""Sync: takes what waits in the outbox to the broker, and nothing off it that has not arrived."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from dataclasses import dataclass, replace

from edge.core.backoff import Backoff
from edge.core.guard import GuardedThread
from edge.core.ratelimit import RateLimitedLog
from edge.device.sync.drain import Drain
from edge.device.sync.outbox import Outbox, OutboxEntry
from edge.device.sync.payload import payload_of
from edge.errors import EdgeError, LinkError
from edge.protocol.messages import Health, Identity, SlotsMessage, StatusMessage, encode
from edge.protocol.topics import PER_MODEL, check_name, topic
from edge.protocol.transport import Acknowledgement, Outgoing, Transport

log = logging.getLogger(__name__)

IDLE_S = 0.2
"""Seconds between two looks at the outbox when nothing is under way."""
BACKLOG_PER_S = 25_000.0
ANSWERS_MOST = 1000
SLOTS_MOST = 100
EXPIRY_S = 30 * 24 * 3600
HEALTH_EXPIRY_S = 120
_FAREWELL_S = 0.3


@dataclass(slots=True)
class SyncState:
    """A moment of Sync. ``published`` counts entries, repetitions too; ``acknowledged`` those that arrived."""

    connected: bool = False
    connections: int = 0
    """Number of times that the broker has accepted the connection."""
    published: int = 0
    acknowledged: int = 0
    refused: int = 0
    """Publications, live ones too, that the broker denied, and entries that cannot be sent."""
    unheard: int = 0
    """Publications of entries that nobody subscribes to (MQTT 5 reason code 0x10); they are tried again."""
    last_error: str = ""


@dataclass(frozen=True, slots=True)
class _InFlight:
    topic: str
    since: float
    entry: OutboxEntry | None
    """None for live messages, which are not sent again."""


class Sync:
    """A thread between an outbox and a transport.

    Entries are published in order through a bounded window and acknowledged to the outbox when the broker says that
    somebody has them. After a new connection everything unacknowledged is published again, so a receiver sees each
    entry at least once and drops repetitions by ``(device, boot_id, seq)``. Nothing here waits for the frame
    path, nor it for this.
    """

    def __init__(
        self,
        transport: Transport,
        outbox: Outbox,
        identity: Identity,
        root: str = "edge",
        *,
        predictions: bool = False,
        backlog_per_s: float = BACKLOG_PER_S,
        silence_s: float = 10.0,
        backoff: Backoff | None = None,
    ) -> None:
        """``predictions`` off leaves them in the outbox. What waited before the connection goes at ``backlog_per_s``
        records a second. A link that acknowledges nothing for ``silence_s`` is dead.

        Raises ConfigError when the root, the device or the model cannot be part of a topic.
        """
        self.transport, self._identity, self._root = transport, identity, root
        self._silence_s = silence_s
        self._status_topic = topic(root, identity.device, "status")
        self._health_topic = topic(root, identity.device, "health")
        self._slots_topic = topic(root, identity.device, "slots")
        check_name(identity.model, "model")
        leave = frozenset() if predictions else frozenset({"predictions"})
        self._drain = Drain(outbox, leave=leave, backlog_per_s=backlog_per_s)
        self.answers: deque[Outgoing] = deque(maxlen=ANSWERS_MOST)
        """Answers to commands; published as they come. Any thread may append."""
        self._backoff = backoff or Backoff()
        self._seldom = RateLimitedLog(log)
        self._in_flight: dict[int, _InFlight] = {}
        self._health: deque[Health] = deque(maxlen=1)
        self._told = identity
        self._slots: deque[SlotsMessage] = deque(maxlen=SLOTS_MOST)
        self._slots_last: SlotsMessage | None = None
        self._connections = 0
        self._state = SyncState()
        self._stopping = threading.Event()
        self._deadline = float("inf")
        self._thread = GuardedThread(self._run, "sync")

    @property
    def state(self) -> SyncState:
        """A snapshot; any thread may take it."""
        return replace(self._state)

    def start(self) -> None:
        """Begins to connect. Returns at once, whether there is a broker or not."""
        self._thread.start()

    def send_health(self, health: Health) -> None:
        """Live only: published if there is a link, replaced by the next one, never stored. Any thread may call it."""
        self._health.append(health)

    def follow(self, identity: Identity) -> None:
        """Another model judges from now on: the status says so at once. Any thread may call it.

        Raises ConfigError when the model's name cannot be part of a topic.
        """
        check_name(identity.model, "model")
        self._identity = identity

    def send_slots(self, slots: SlotsMessage) -> None:
        """Retained: published at once, and the last one again at each connection. Any thread may call it."""
        self._slots.append(slots)

    def set_predictions(self, wanted: bool) -> None:
        """From now on; any thread may call it."""
        self._drain.pass_over(frozenset() if wanted else frozenset({"predictions"}))

    def set_backlog_rate(self, per_s: float) -> None:
        """Records a second; any thread may call it."""
        self._drain.set_backlog_rate(per_s)

    def stop(self, timeout_s: float = 2.0) -> bool:
        """Sends what it can, says goodbye, ends, within ``timeout_s``. True when all is known to have been sent."""
        # The thread aims below the limit, so that it is done when we look.
        self._deadline = time.monotonic() + 0.9 * timeout_s
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive() and self._drain.idle

    # -- the thread -------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            lasted_s = self._connect_and_serve()
            if self._stopping.wait(self._backoff.after(lasted_s)):
                return

    def _connect_and_serve(self) -> float:
        """Whatever goes wrong, in the link or in the outbox, ends this connection and not the thread."""
        connected_at: float | None = None
        try:
            self._connect()
            connected_at = time.monotonic()
            self._serve()
        except EdgeError as error:
            self._trouble(str(error), f"{error}; data waits in the buffer, trying again")
        except Exception as error:
            log.exception("sync failed; connecting again")
            self._state.last_error = f"{type(error).__name__}: {error}"
        finally:
            self._state.connected = False
            self.transport.close(clean=False)
        return 0.0 if connected_at is None else time.monotonic() - connected_at

    def _connect(self) -> None:
        self._connections += 1
        self.transport.connect(will=self._status("offline"))
        self._in_flight.clear()
        self._drain.restart()
        self._state.connected = True
        self._state.connections += 1
        log.info("connected to %s", self.transport)
        self._told = self._identity
        self._publish(self._status("online"))
        if self._slots_last is not None and not self._slots:
            self._slots.append(self._slots_last)

    def _serve(self) -> None:
        while not self._stopping.is_set():
            self._turn(IDLE_S)
        rest_s = self._deadline - time.monotonic()
        drained_by = self._deadline - min(_FAREWELL_S, 0.3 * rest_s)
        while time.monotonic() < drained_by:
            self._turn(min(IDLE_S, max(0.0, drained_by - time.monotonic())))
            if self._drain.idle and not self._in_flight:
                break
        self._say_goodbye()

    def _turn(self, wait_s: float) -> None:
        self._send_live()
        entries = self._drain.take(self._room())
        for entry in entries:
            self._send(entry)
        more = self._room() > 0 and not self._drain.looked_through
        self._settle(self.transport.poll(min(wait_s, self._drain.rest_s) if more else wait_s))
        self._check_link()

    def _room(self) -> int:
        return max(0, self.transport.window - len(self._in_flight))

    def _send_live(self) -> None:
        while self.answers and self._room() > 0:
            self._publish(self.answers.popleft())
        if self._told is not self._identity and self._room() > 0:
            self._told = self._identity
            self._publish(self._status("online"))
        while self._slots and self._room() > 0:
            self._slots_last = self._slots.popleft()
            self._publish(Outgoing(self._slots_topic, encode(self._slots_last), retain=True))
        if self._health and self._room() > 0:
            self._publish(Outgoing(self._health_topic, encode(self._health.popleft()), expiry_s=HEALTH_EXPIRY_S))

    def _send(self, entry: OutboxEntry) -> None:
        try:
            message = self._outgoing(entry)
        except ValueError as error:
            self._unsendable(entry, str(error))
            return
        if len(message.payload) > self.transport.limit_bytes:
            self._unsendable(entry, f"{len(message.payload)} bytes, the broker takes {self.transport.limit_bytes}")
            return
        self._publish(message, entry)
        self._state.published += 1

    def _publish(self, message: Outgoing, entry: OutboxEntry | None = None) -> int:
        token = self.transport.publish(message)
        self._in_flight[token] = _InFlight(message.topic, time.monotonic(), entry)
        return token

    def _settle(self, acknowledgements: list[Acknowledgement]) -> None:
        delivered: list[OutboxEntry] = []
        for acknowledgement in acknowledgements:
            sent = self._in_flight.pop(acknowledgement.token)
            if acknowledgement.refused:
                self._refused(sent, acknowledgement.reason)
            elif sent.entry is not None and acknowledgement.ok:
                delivered.append(sent.entry)
            elif sent.entry is not None:
                self._state.unheard += 1
                self._drain.hold(sent.entry)
        self._drain.settle(delivered)
        if delivered:
            self._state.acknowledged += len(delivered)

    def _check_link(self) -> None:
        """The socket can look well for minutes after the other side is gone; acknowledgements cannot."""
        oldest = next(iter(self._in_flight.values()), None)
        if oldest is not None and time.monotonic() - oldest.since > self._silence_s:
            raise LinkError(f"{self.transport}: no acknowledgement for {self._silence_s:.0f} s")

    def _say_goodbye(self) -> None:
        if self._room() == 0:
            return  # a broker so far behind will publish the will
        goodbye = self._publish(self._status("offline"))
        while goodbye in self._in_flight and (left := self._deadline - time.monotonic()) > 0:
            self._settle(self.transport.poll(left))
        self.transport.close(clean=goodbye not in self._in_flight)

    # -- messages ---------------------------------------------------------------------------------------------------

    def _outgoing(self, entry: OutboxEntry) -> Outgoing:
        """Raises ValueError when the entry is damaged."""
        payload = payload_of(entry, self._identity)
        model = entry.model if entry.kind in PER_MODEL else ""
        address = topic(self._root, self._identity.device, entry.kind, model)
        return Outgoing(address, payload, retain=entry.kind == "drift", expiry_s=EXPIRY_S)

    def _status(self, state: str) -> Outgoing:
        identity = self._identity
        status = StatusMessage(
            **identity.head(self._connections),
            state="online" if state == "online" else "offline",
            labels=identity.labels,
            groups=identity.groups,
            desired=identity.desired,
        )
        return Outgoing(self._status_topic, encode(status), retain=True)

    # -- counting and saying ----------------------------------------------------------------------------------------

    def _refused(self, sent: _InFlight, reason: str) -> None:
        if sent.entry is not None:
            self._drain.hold(sent.entry)
        self._state.refused += 1
        text = f"{sent.topic}: refused by the broker: {reason}"
        self._trouble(text, f"{text}; kept, tried again at a slow pace; check the broker's ACL")

    def _unsendable(self, entry: OutboxEntry, reason: str) -> None:
        self._drain.drop(entry)
        self._state.refused += 1
        self._trouble("unsendable", f"entry {entry.id} ({entry.kind}) cannot be sent: {reason}")

    def _trouble(self, key: str, text: str) -> None:
        self._state.last_error = text
        self._seldom.warning(key, text)
