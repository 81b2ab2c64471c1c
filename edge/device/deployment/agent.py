"""The device's end of a roll-out: fetches what is desired, and has it installed as ``edge slots install`` does.

In a thread of its own that no frame and no message waits for. How the trial ends, the message ``slots`` says, with
the roll-out's id. What was tried is known from the slots' history: nothing else is kept.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from edge.core.backoff import Backoff
from edge.core.guard import GuardedThread
from edge.core.ratelimit import RateLimitedLog
from edge.device.deployment.stream import ArtifactStream, GoneError, NotWantedError
from edge.device.slots import Slots
from edge.device.slots.incoming import DamagedError, IncomingArtifact, sweep
from edge.device.slots.install import Installed
from edge.device.slots.transitions import INSTALLED, REFUSED
from edge.errors import ArtifactError, EdgeError, LinkError, MessageError, StateError
from edge.protocol.desired import Desired, parse
from edge.protocol.messages import TrialOutcome
from edge.protocol.transport import IncomingMessage

log = logging.getLogger(__name__)

TRIES = 3
"""So often something is asked for that is not there, or comes damaged; a link that is away does not count."""
MIN_PAUSE_S, MAX_PAUSE_S = 1.0, 300.0
BUSY_S = 1.0
"""Seconds between two looks at a trial under way."""
Fetch = Callable[[Desired, int, Callable[[], bool]], ArtifactStream]
"""The artifact from an offset on; False from the last argument says that it is no longer wanted."""
Install = Callable[[Path, str], Installed]
"""Puts a file on trial, for a request; raises EdgeError."""


class DeploymentAgent:
    """:meth:`offer` may be called by any thread, and never waits."""

    def __init__(
        self,
        slots: Slots,
        topics: Sequence[str],
        fetch: Fetch,
        install: Install,
        min_pause_s: float = MIN_PAUSE_S,
    ) -> None:
        """``topics``: of the device, then of its groups. The first on which something is desired counts."""
        self._slots, self._topics, self._fetch, self._install = slots, topics, fetch, install
        self._desired: dict[str, Desired] = {}
        self._min_pause_s = min_pause_s
        self._backoff = Backoff(min_pause_s, MAX_PAUSE_S)
        self._failed = ("", 0)
        """An id and how often it was tried, since the start."""
        self._news = threading.Event()
        self._stopping = False
        self._seldom = RateLimitedLog(log)
        self._thread = GuardedThread(self._run, "rollout")

    def offer(self, incoming: IncomingMessage) -> None:
        """Whatever it is; an empty message takes back what was desired."""
        try:
            desired = parse(incoming.payload) if incoming.payload else None
        except MessageError as error:
            self._seldom.warning("refused", f"{incoming.topic}: refused: {error}")
            desired = None
        if desired is None:
            self._desired.pop(incoming.topic, None)
        else:
            self._desired[incoming.topic] = desired
        self._news.set()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stops fetching; what was fetched so far is kept."""
        self._stopping = True
        self._news.set()
        self._thread.join(2.0)

    @property
    def wanted(self) -> Desired | None:
        """Desired model that counts now."""
        found = map(self._desired.get, self._topics)
        return next((desired for desired in found if desired is not None), None)

    def _run(self) -> None:
        pause_s: float | None = None
        while not self._stopping:
            if self._news.wait(pause_s):
                self._news.clear()
                self._backoff = Backoff(self._min_pause_s, MAX_PAUSE_S)
            try:
                pause_s = self._turn()
            except Exception:
                log.exception("the roll-out stumbled; it goes on")
                pause_s = MAX_PAUSE_S

    def _turn(self) -> float | None:
        """Seconds until the next one; None until there is news."""
        desired = self.wanted
        if self._stopping or desired is None:
            return None
        try:
            if self._is_done(desired):
                return None
            if self._slots.state().trial:
                return BUSY_S
            self._follow(desired)
        except NotWantedError:
            return 0.0
        except (GoneError, DamagedError, StateError) as error:
            return self._count(desired, error)
        except LinkError as error:
            self._seldom.warning("link", f"{_named(desired)}: {error}; trying again")
            return self._backoff.after(0.0)
        except ArtifactError as error:
            log.error("%s: refused: %s", _named(desired), error)  # noqa: TRY400
        except EdgeError as error:
            self._refuse(desired, str(error))
        return None

    def _is_done(self, desired: Desired) -> bool:
        """It runs here, or was tried. Raises StateError."""
        state = self._slots.state()
        if state.active and state.held[state.active].sha256 == desired.sha256:
            return True
        return any(event.request == desired.id and event.event != INSTALLED for event in self._slots.history())

    def _follow(self, desired: Desired) -> None:
        """Fetches it and puts it on trial. Raises EdgeError."""
        log.info("%s is desired here: fetching %d bytes", _named(desired), desired.size)
        sweep(self._slots.incoming, keep=desired.sha256)
        arriving = IncomingArtifact(self._slots.incoming, desired.sha256, desired.size)
        began, start = time.monotonic(), arriving.have()

        def wanted() -> bool:
            return not self._stopping and self.wanted == desired

        stream = self._fetch(desired, start, wanted)
        with contextlib.closing(stream):
            arriving.take(stream, lambda done: None)
        seconds = time.monotonic() - began
        if not wanted():
            raise NotWantedError("no longer wanted")
        log.info("%s: fetched %d bytes in %.1f s", _named(desired), desired.size - start, seconds)
        try:
            installed = self._install(arriving.path, desired.id)
        except ArtifactError:
            arriving.discard()
            raise
        log.info("%s is in slot %s: %s", _named(desired), installed.slot, installed.state)

    def _count(self, desired: Desired, error: EdgeError) -> float | None:
        """One try fewer; after the last one it is refused."""
        id_, tries = self._failed
        tries = tries + 1 if id_ == desired.id else 1
        self._failed = desired.id, tries
        if tries >= TRIES:
            self._refuse(desired, str(error))
            return None
        log.warning("%s: %s; trying again", _named(desired), error)
        return self._backoff.after(0.0)

    def _refuse(self, desired: Desired, reason: str) -> None:
        log.error("%s: refused: %s", _named(desired), reason)
        outcome = TrialOutcome(
            desired.model, desired.version, desired.sha256, REFUSED, reason, time.time_ns(), desired.id
        )
        with contextlib.suppress(StateError):  # a disk that cannot even note it
            self._slots.refuse(outcome)


def _named(desired: Desired) -> str:
    return f"roll-out {desired.id}: {desired.model} v{desired.version}"
