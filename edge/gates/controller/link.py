"""The session with the controller, on a thread of its own: handshake, heartbeats, requests, events in order."""

from __future__ import annotations

import logging
import secrets
import select
import threading
import time
from collections import deque
from typing import Literal, Protocol, cast

from edge.core.guard import GuardedThread
from edge.errors import GateError
from edge.gates.controller.clock import Clock
from edge.gates.controller.port import Port
from edge.gates.controller.protocol import (
    EVENTS,
    PROTOCOL,
    Ack,
    Alive,
    ControllerConfig,
    ControllerMessage,
    ControllerStatus,
    Decoder,
    FaultReport,
    Fired,
    Heartbeat,
    Hello,
    LatePart,
    Nak,
    Received,
    Refusal,
    Trigger,
    WireFrame,
    encode,
)
from edge.gates.controller.requests import Requests

log = logging.getLogger(__name__)

ControllerEvent = Trigger | Fired | LatePart | FaultReport
LinkState = Literal["closed", "greeting", "configuring", "up", "silent"]

_MS = 1_000_000
BEAT_NS = 100 * _MS
_FIRST_BEATS = 8
_FIRST_BEAT_NS = 5 * _MS
"""Interval of a new session's first beats, so that the clock is known soon."""
SILENCE_NS = 500 * _MS
"""Without a byte for so long the link counts as lost."""
_HELLO_NS = 50 * _MS
_REOPEN_NS = 200 * _MS
_COLLECT_NS = 20 * _MS
"""Interval at which the controller's bytes are taken, not one by one as they come: a decision brings its own wake-up,
and each costs more than what it reads. It is well before the controller sends its events again."""
_HURRY_NS = 5 * _MS
"""… and so often while somebody waits for it."""
_MIN_WAIT_NS = 15 * _MS
_MAX_WAIT_NS = 50 * _MS
_FULL = 1 << 16


class Owner(Protocol):
    """Whom the link serves. All are called on the link's thread."""

    def on_session(self, status: ControllerStatus, restarted: bool) -> None:
        """A session begins; with ``restarted`` the controller has forgotten an earlier one, whose clock is still
        the link's."""
        ...

    def on_event(self, event: ControllerEvent) -> None:
        """Each once, in order."""
        ...

    def on_answer(self, request: ControllerMessage, answer: Ack | Refusal) -> None: ...

    def step(self, now_ns: int) -> bool:
        """At least ten times a second, and after :meth:`ControllerLink.wake`. True when it waits for an event."""
        ...


class ControllerLink:
    """A controller at a serial port. It is opened, greeted and configured again whenever it was lost."""

    def __init__(self, port: Port, config: ControllerConfig | None, owner: Owner) -> None:
        """Without ``config`` the controller is left as it is set."""
        self.clock = Clock()
        self.state: LinkState = "closed"
        self.problem = ""
        """Why the port cannot be opened, or what the controller refuses; empty when all is well."""
        self.lost = 0
        """Number of times that the link was lost after it was up."""
        self.lost_events = 0
        self.flags = 0
        """The controller's, as it said last: :class:`~edge.gates.controller.protocol.Flag`."""
        self.up_since_ns = 0
        self.greeted_ns = 0
        """When the controller was first asked for the session."""
        self._port, self._config, self._owner = port, config, owner
        self._requests = Requests()
        self._posted: deque[ControllerMessage] = deque()
        self._decoder = Decoder()
        self._out = bytearray()
        self._session = 0
        self._restarted = False
        self._expected = 0
        self._hello_ns = self._beat_ns = self._open_ns = self._heard_ns = 0
        self._confirm, self._again = False, 0
        self._beats: dict[int, int] = {}
        self._stamped = False
        self._beat = 0
        self._closing = False
        # Held while there is nothing to do. Its release costs the decision thread no system call while the link is
        # busy, and never the interpreter's lock, as a file would.
        self._idle = threading.Lock()
        self._idle.acquire()
        self._thread = GuardedThread(self._run, "gate", rescue=lambda _: self._fail())

    @property
    def bad_frames(self) -> int:
        """Damaged ones, since the port was opened."""
        return self._decoder.bad

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Any number of times; returns when the thread has ended and the port is free."""
        self._closing = True
        self.wake()
        if self._thread.is_alive():
            self._thread.join(2.0)

    def wake(self) -> None:
        """From any thread: :meth:`Owner.step` soon. Never waits, raises nothing."""
        if self._idle.locked():
            try:  # noqa: SIM105  # suppress costs a decision as much as all the rest of this
                self._idle.release()
            except RuntimeError:
                pass  # somebody else was faster

    def post(self, message: ControllerMessage) -> None:
        """From any thread: a request. Its ``session`` is filled in."""
        self._posted.append(message)
        self.wake()

    def request(self, message: ControllerMessage) -> None:
        """From the link's thread: asked until it is answered or the session ends. It names :attr:`session`."""
        wait_ns = min(max(_MIN_WAIT_NS, 4 * self.clock.delay_ns), _MAX_WAIT_NS)
        self._send(self._requests.add(message, time.monotonic_ns(), wait_ns))

    @property
    def unanswered(self) -> str:
        """One line for a port at which nobody answers."""
        return (
            f"{self._port.device}: no controller answers; expected the firmware of firmware_stubs/ at this port, see "
            "`edge gate flash`"
        )

    @property
    def session(self) -> int:
        """Session number that every request names; from the link's thread."""
        return self._session

    @property
    def _new_clock(self) -> bool:
        return 0 < self.clock.samples < _FIRST_BEATS and self.state != "silent"

    # --- the thread ---

    def _run(self) -> None:
        while not self._closing:
            try:
                self._turn()
            except OSError as error:
                self._lose(f"{self._port.device}: {error.strerror or error}")
            except Exception:
                log.exception("gate: unexpected; the link begins anew")
                self._fail()
                self._idle.acquire(timeout=_REOPEN_NS / 1e9)  # it may well come again
        self._port.close()
        self.state = "closed"

    def _turn(self) -> None:
        now_ns = time.monotonic_ns()
        if self.state == "closed":
            self._try_to_open(now_ns)
        else:
            self._keep_up(now_ns)
        hurry = self._owner.step(now_ns)
        self._confirm_events()
        self._flush()
        self._wait(hurry or bool(self._out))
        if self._port.is_open and (data := self._port.read()):
            self._take(data)

    def _wait(self, hurry: bool) -> None:
        if self._port.is_open and (self.state != "up" or self._stamped):
            # An answer that measures the clock is taken at once. A decision that comes meanwhile waits for it.
            select.select([self._port.fd], [], [], _HURRY_NS / 1e9)
        else:
            self._idle.acquire(timeout=(_HURRY_NS if hurry or self._new_clock else _COLLECT_NS) / 1e9)

    def _try_to_open(self, now_ns: int) -> None:
        if now_ns < self._open_ns:
            return
        self._open_ns = now_ns + _REOPEN_NS
        try:
            self._port.open()
        except GateError as error:
            self._complain(str(error))
            return
        self._decoder, self._out = Decoder(), bytearray()
        self._heard_ns = now_ns
        if self._session:
            self.state = "silent"  # perhaps only the cable was gone
        else:
            self._greet()

    def _lose(self, reason: str) -> None:
        if self.state == "up":
            self.lost += 1
        self._port.close()
        self.state = "closed"
        self._open_ns = time.monotonic_ns() + _REOPEN_NS // 4
        self._complain(reason)

    def _fail(self) -> None:
        self._lose(f"{self._port.device}: internal error")

    def _complain(self, problem: str) -> None:
        if problem != self.problem:
            log.warning("gate: %s", problem)
        self.problem = problem

    # --- what is said ---

    def _send(self, frame: bytes) -> None:
        if len(self._out) < _FULL:  # a line that takes nothing for so long is lost anyway
            self._out += frame

    def _confirm_events(self) -> None:
        """Those that arrived, together with what else there is to say."""
        if self._confirm:
            self._send(encode(Received(self._session, self._again), self._expected))
            self._confirm, self._again = False, 0

    def _flush(self) -> None:
        if self._out and self._port.is_open:
            del self._out[: self._port.write(self._out)]

    def _keep_up(self, now_ns: int) -> None:
        if self.state == "up" and now_ns - self._heard_ns > SILENCE_NS:
            self.lost += 1
            self.state = "silent"
            self._complain(f"{self._port.device}: the controller does not answer")
        if self.state == "greeting":
            if now_ns - self._hello_ns >= _HELLO_NS:
                self._hello_ns = now_ns
                self._send_stamped(Hello(PROTOCOL, self._session), now_ns)
            return
        if now_ns - self._beat_ns >= (_FIRST_BEAT_NS if self._new_clock else BEAT_NS):
            self._beat_ns = now_ns
            self._send_stamped(Heartbeat(self._session), now_ns)
        while self._posted and self.state == "up":
            self.request(self._posted.popleft()._replace(session=self._session))  # type: ignore[call-arg]
        for frame in self._requests.due(now_ns):
            self._send(frame)

    def _send_stamped(self, message: Hello | Heartbeat, now_ns: int) -> None:
        """Its answer will be a measurement of the clock."""
        self._beat = (self._beat + 1) & 0xFF
        self._beats[self._beat] = now_ns
        self._beats.pop((self._beat - 16) & 0xFF, None)
        self._stamped = True
        self._send(encode(message, self._beat))

    def _greet(self) -> None:
        """A new session: whatever was underway in the old one is void."""
        self._requests.clear()
        self._confirm, self._again = False, 0
        self._beats.clear()
        self._session = secrets.randbelow(0xFFFFFFFF) + 1
        self._hello_ns = 0
        self.greeted_ns = time.monotonic_ns()
        self._restarted = self.up_since_ns != 0
        self.state = "greeting"

    # --- what is heard ---

    def _take(self, data: bytes) -> None:
        now_ns = time.monotonic_ns()
        confirm, again = False, 0
        for frame in self._decoder.feed(data):
            self._heard_ns = now_ns
            if frame.type in EVENTS:
                confirm = True
                again |= self._take_event(frame)
            else:
                self._take_answer(frame, now_ns)
        if confirm and self.state != "greeting":
            self._confirm = True
            self._again |= again

    def _take_event(self, frame: WireFrame) -> int:
        """1 when something is missing before it."""
        ahead = (frame.seq - self._expected) & 0xFF
        if self.state == "greeting" or ahead:
            return int(0 < ahead < 128)
        event = frame.message()
        self._expected = (self._expected + 1) & 0xFF
        if event is not None:
            self._owner.on_event(cast("ControllerEvent", event))
        return 0

    def _take_answer(self, frame: WireFrame, now_ns: int) -> None:
        message = frame.message()
        if isinstance(message, Alive):
            self._on_alive(message, frame.seq, now_ns)
        elif isinstance(message, ControllerStatus):
            self._on_status(message, frame.seq, now_ns)
        elif isinstance(message, (Ack, Refusal)):  # X | Y is built anew each time
            self._on_answer(message, frame.seq)

    def _on_alive(self, alive: Alive, seq: int, now_ns: int) -> None:
        if self.state == "greeting":
            return
        if alive.session != self._session:
            self._greet()
            return
        self.flags = alive.flags
        self._stamped = False
        sent_ns = self._beats.pop(seq, None)
        if sent_ns is not None:
            self.clock.add(sent_ns, now_ns, alive.time_us, alive.tick)
        if self.state == "silent":
            self._come_up(now_ns)

    def _on_status(self, status: ControllerStatus, seq: int, now_ns: int) -> None:
        if status.session != self._session:
            if self.state != "greeting":
                self._greet()  # it restarted and says so
            return
        if self.state == "greeting":
            self._expected = status.next_event
            self._owner.on_session(status, self._restarted)
            self.clock = Clock()
            self.clock.add(self._beats.pop(seq, self._hello_ns), now_ns, status.time_us, status.tick)
            self.state = "configuring"
            if self._config is None:
                self._come_up(now_ns)
            else:
                self.request(self._config._replace(session=self._session))
        elif 0 < (ahead := (status.next_event - self._expected) & 0xFF) < 240:
            self.lost_events += ahead
            self._expected = status.next_event

    def _on_answer(self, answer: Ack | Refusal, seq: int) -> None:
        if self.state == "greeting":
            if isinstance(answer, Refusal) and answer.reason == Nak.PROTOCOL:
                self._complain(f"{self._port.device}: the firmware speaks another protocol; expected {PROTOCOL}")
            return
        request = self._requests.answered(seq)
        if request is not None and isinstance(answer, Refusal) and answer.reason == Nak.SESSION:
            self._greet()
        elif isinstance(request, ControllerConfig):
            if isinstance(answer, Ack):
                self._come_up(time.monotonic_ns())
            else:
                self._complain(f"{self._port.device}: the controller refuses these settings (reason {answer.reason})")
        elif request is not None:
            self._owner.on_answer(request, answer)

    def _come_up(self, now_ns: int) -> None:
        if self.problem or not self.up_since_ns:
            log.info("gate: the controller at %s answers", self._port.device)
        self.problem = ""
        self.state = "up"
        self.up_since_ns = now_ns
