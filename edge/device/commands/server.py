"""Where requests come in and answers go out: each is answered, each is done at most once.

The broker's ACL says who may write to a device's command topic; ``sync.commands`` in the device's own configuration
says what it will do then. Without that setting it does not even listen.
"""

from __future__ import annotations

import json
import logging
import queue
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from edge.core.guard import GuardedThread
from edge.core.ratelimit import RateLimitedLog
from edge.errors import EdgeError, MessageError
from edge.protocol.request import Request, parse
from edge.protocol.transport import IncomingMessage, Outgoing

log = logging.getLogger(__name__)

REMEMBERED = 1000
"""So many requests are known again when they are repeated."""
WAITING_MOST = 8
"""Requests that wait for the one at hand; more are told that the device is busy."""
ANSWER_EXPIRY_S = 600
Handler = Callable[[Request], Any]
"""Returns what the answer's ``result`` holds, ready for JSON; raises EdgeError when it cannot be done."""


class CommandServer:
    """``offer`` is called by the sync thread and never waits; handlers run in a thread of their own."""

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        allowed: Sequence[str],
        answers_under: str,
        answers: deque[Outgoing] | None = None,
    ) -> None:
        """``handlers`` by command. ``allowed``: commands, and ``set:<setting>`` for each setting. ``answers_under``:
        the topic that answers go to, or to topics below it. ``answers``: where they wait to be published.
        """
        self._handlers, self._allowed, self._answers_under = handlers, frozenset(allowed), answers_under
        self._done: OrderedDict[str, bytes | None] = OrderedDict()
        self._lock = threading.Lock()
        self._queue: queue.Queue[tuple[Request, IncomingMessage] | None] = queue.Queue(WAITING_MOST)
        self._seldom = RateLimitedLog(log)
        self.answers = deque[Outgoing](maxlen=REMEMBERED) if answers is None else answers
        """Answers to be published: ``{"id": …, "ok": true, "result": …}`` or ``{"id": …, "ok": false, "error": …}``.
        """
        self.executed = 0
        self.refused = 0
        """Malformed, hostile, not allowed, or too many at once."""
        self.repeated = 0
        self._thread = GuardedThread(self._run, "commands")
        self._thread.start()

    def offer(self, incoming: IncomingMessage) -> None:
        """Whatever it is: it is answered now, or queued, and counted."""
        if incoming.retained:
            self._refuse(incoming, "", "a retained request is no request: it would come again at every connection")
            return
        try:
            request = parse(incoming.payload)
        except MessageError as error:
            self._refuse(incoming, "", str(error))
            return
        if not self._is_new(request, incoming):
            return
        if not self._may(request):
            self._refuse(incoming, request.id, f"{_name(request)}: not allowed by sync.commands of this device")
            return
        try:
            self._queue.put_nowait((request, incoming))
        except queue.Full:
            self._forget(request)
            self._refuse(incoming, request.id, "busy; try again with the same id")

    def close(self) -> None:
        """Ends the thread after the request at hand."""
        try:
            self._queue.put(None, timeout=1.0)
        except queue.Full:
            return
        self._thread.join(1.0)

    def _is_new(self, request: Request, incoming: IncomingMessage) -> bool:
        with self._lock:
            if request.id not in self._done:
                self._done[request.id] = None
                while len(self._done) > REMEMBERED:
                    self._done.popitem(last=False)
                return True
            before = self._done[request.id]
        self.repeated += 1
        if before is not None:  # else it is under way, and its answer will come
            self.answers.append(self._outgoing(incoming, before))
        return False

    def _may(self, request: Request) -> bool:
        return _name(request) in self._allowed and request.command in self._handlers

    def _refuse(self, incoming: IncomingMessage, id_: str, reason: str) -> None:
        self.refused += 1
        self._seldom.warning("refused", f"a request was refused: {reason}")
        self._answer(incoming, id_, {"ok": False, "error": reason})

    def _answer(self, incoming: IncomingMessage, id_: str, fields: dict[str, Any]) -> None:
        payload = json.dumps({"id": id_, **fields}, separators=(",", ":"), ensure_ascii=False).encode()
        with self._lock:
            if id_ in self._done:
                self._done[id_] = payload
        self.answers.append(self._outgoing(incoming, payload))

    def _outgoing(self, incoming: IncomingMessage, payload: bytes) -> Outgoing:
        return Outgoing(self._topic(incoming), payload, correlation=incoming.correlation, expiry_s=ANSWER_EXPIRY_S)

    def _forget(self, request: Request) -> None:
        with self._lock:
            self._done.pop(request.id, None)

    def _topic(self, incoming: IncomingMessage) -> str:
        """Nobody can make the device write elsewhere than below its own topic of answers."""
        wanted, own = incoming.response_topic, self._answers_under
        fits = wanted.startswith(f"{own}/") and len(wanted) <= 256 and wanted.isprintable()
        return wanted if fits and not set(wanted) & set("+#") else own

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            request, incoming = item
            log.info("request %s: %s", request.id, _name(request))
            self.executed += 1
            try:
                fields = {"ok": True, "result": self._handlers[request.command](request)}
                json.dumps(fields)
            except EdgeError as error:
                fields = {"ok": False, "error": str(error)}
            except Exception as error:
                log.exception("request %s failed", request.id)
                fields = {"ok": False, "error": f"{type(error).__name__}: {error}"}
            self._answer(incoming, request.id, fields)


def _name(request: Request) -> str:
    return f"set:{request.setting}" if request.command == "set" else request.command
