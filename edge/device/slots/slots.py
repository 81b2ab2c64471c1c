"""The slots of one device, on its disk."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from edge.core.atomic import FULL, make_folder, write_whole
from edge.device.slots import transitions
from edge.device.slots.files import INCOMING, CopyProgress, Files
from edge.device.slots.history import SlotHistory
from edge.device.slots.lock import changing, installing
from edge.device.slots.state import SlotsState, problem, told
from edge.device.slots.table import BAD, CANDIDATE, SlotEntry, SlotEvent, SlotTable, decode, encode
from edge.errors import StateError
from edge.protocol.messages import TrialOutcome

log = logging.getLogger(__name__)

FOLDER = "slots"
"""In the state folder."""
POINTER, HISTORY = "state.json", "history.jsonl"
RESERVE, RESERVE_BYTES = "reserve", 64 << 10
"""Room that is given up on a full disk: a rollback must not fail for want of a block."""
ATTEMPTS = 3


class AdmittedArtifact(Protocol):
    """Facts about an artifact that was admitted; :func:`edge.trust.admit`."""

    @property
    def model(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def sha256(self) -> str:
        """SHA-256 of the whole file."""
        ...

    @property
    def size(self) -> int:
        """Bytes of the whole file."""
        ...

    @property
    def key(self) -> str:
        """Id of the key that signed it."""
        ...


class Slots:
    """May be used by any thread, and several processes may have one each on the same folder.

    Every change is durable when its method returns. All raise StateError: for a move that is not allowed, with the
    way out, and for a disk that refuses; then all is as before. A change that was cut off has happened or has not.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.incoming = folder / INCOMING
        """For files on their way here: :meth:`put` moves what lies in it instead of copying."""
        self._pointer, self._reserve = folder / POINTER, folder / RESERVE
        self._files = Files(folder)
        self._history = SlotHistory(folder / HISTORY)

    def state(self) -> SlotsState:
        """Reads only. What is found damaged is told, and not relied on."""
        with self._reading():
            while True:
                stamp, steps = self.stamp(), self._steps()
                if len(steps) == 1 or self.stamp() == stamp:  # else it has been changed under our eyes
                    return told(steps, self._files.path)

    def stamp(self) -> tuple[int, ...]:
        """Another one after each change: cheap enough to look at once a second. Empty when there is nothing yet."""
        try:
            found = self._pointer.stat()
        except OSError:
            return ()
        return found.st_ino, found.st_size, found.st_mtime_ns

    def history(self) -> list[SlotEvent]:
        """Oldest first; the oldest are forgotten at some time."""
        with self._reading():
            kept = self._history.read()
            last = self._steps()[0]
        # A cut between the two files leaves the last event in the pointer alone.
        late = [last] if last.number > (kept[-1].number if kept else 0) else []
        return [one.event for one in [*kept, *late] if one.event is not None]

    def settle(self) -> SlotsState:
        """At a start: writes down what is damaged, so that it is not tried again, and removes leftovers."""
        if self.folder.is_dir():
            self._change(lambda kept: None)
            # A StateError is an OSError: an installation that is under way tidies up itself.
            with contextlib.suppress(OSError), installing(self.folder):
                self._tidy()
        return self.state()

    def put(
        self,
        artifact: Path,
        admitted: AdmittedArtifact,
        *,
        source: str = "",
        request: str = "",
        report: CopyProgress | None = None,
    ) -> str:
        """Into the slot that is not active, as a candidate; returns its name.

        What lay there is given up only when the new one is whole, verified and durable.
        """
        with self._writing():
            make_folder(self.folder)
            with installing(self.folder):
                try:
                    return self._put(artifact, admitted, source, request, report)
                finally:
                    with contextlib.suppress(OSError):
                        self._tidy()

    def begin_trial(self, name: str, attempts: int = ATTEMPTS, request: str = "") -> None:
        """From now on it is for the daemon to try it, with at most so many loads."""
        self._change(lambda kept: transitions.begin_trial(kept, name, attempts, request))

    def attempt(self) -> bool:
        """Uses up one attempt; to be called before each load of the slot on trial. False when they are used up."""
        return self._change(transitions.attempt)

    def commit(self, sha256: str = "") -> None:
        """The slot on trial becomes the active one. Refused when it holds another artifact than ``sha256`` by now:
        what did well was that one.
        """
        self._change(lambda kept: transitions.commit(kept, sha256))

    def roll_back(self, reason: str) -> None:
        """Ends the trial; without one, leaves the active slot for the other, or for the factory model."""
        self._change(lambda kept: transitions.roll_back(kept, _short(reason)))

    def end_trial(self, name: str, reason: str) -> bool:
        """Rolls back this slot's trial. False when it has ended meanwhile."""
        return self._change(lambda kept: transitions.end_trial(kept, name, _short(reason)))

    def activate(self, name: str, *, untried: bool = False) -> None:
        """A slot that was committed before; with ``untried`` also a candidate, for a first boot."""
        self._change(lambda kept: transitions.activate(kept, name, untried=untried))

    def refuse(self, outcome: TrialOutcome) -> None:
        """Keeps why an artifact got into no slot."""
        self._change(lambda kept: transitions.refuse(kept, outcome))

    def _put(
        self, artifact: Path, admitted: AdmittedArtifact, source: str, request: str, report: CopyProgress | None
    ) -> str:
        if not self._reserve.exists():
            write_whole(self._reserve, bytes(RESERVE_BYTES))
        name = transitions.place_for(self._steps()[-1], admitted.sha256)
        if not self._files.holds(name, admitted.sha256, admitted.size):
            self._files.bring(artifact, name, admitted.sha256, report)
        held = SlotEntry(
            model=admitted.model,
            version=admitted.version,
            sha256=admitted.sha256,
            size=admitted.size,
            mark=CANDIDATE,
            installed_ns=time.time_ns(),
            key=admitted.key,
            source=_short(source),
        )
        self._change(lambda kept: transitions.install(kept, name, held, request))
        return name

    def _change(self, move: Callable[[SlotTable], SlotTable | None]) -> bool:
        """Whether the move changed anything. What is damaged is written down first, whatever comes of the move."""
        with self._writing():
            make_folder(self.folder)
            with changing(self.folder):
                kept, *repairs = self._steps()
                self._catch_up(kept)
                for kept in repairs:
                    log.error("slots: %s", problem(kept))
                    self._write(kept)
                after = move(kept)
                if after is not None:
                    self._write(after)
                return after is not None

    def _write(self, kept: SlotTable) -> None:
        try:
            write_whole(self._pointer, encode(kept))
        except OSError as error:
            if error.errno not in FULL or not self._reserve.exists():
                raise
            self._reserve.unlink()
            write_whole(self._pointer, encode(kept))
        self._remember(kept)

    def _catch_up(self, kept: SlotTable) -> None:
        last = self._history.last()
        if kept.number > (last.number if last else 0):
            self._remember(kept)

    def _remember(self, kept: SlotTable) -> None:
        """The pointer holds the event, too: the next change tries again what fails here."""
        try:
            self._history.add(kept)
        except OSError as error:
            log.warning("%s: not written (%s)", self._history.path, error.strerror)

    def _steps(self) -> list[SlotTable]:
        """Tables of the slots: the one on the disk, then one after each repair of it that is due."""
        pointer = self._read_pointer()
        steps = [pointer or self._history.last() or SlotTable()]
        if pointer is None and (steps[0].event or self._pointer.exists()):
            steps.append(transitions.recover(steps[0]))
        # The active slot last, when it is known whether the other one can be relied on.
        for name in sorted(steps[0].held, key=lambda name: name == steps[-1].active):
            held = steps[-1].held[name]
            if held.mark != BAD and not self._files.is_whole(name, held):
                steps.append(transitions.lose(steps[-1], name))
        return steps

    def _read_pointer(self) -> SlotTable | None:
        try:
            return decode(self._pointer.read_bytes())
        except FileNotFoundError:
            return None

    def _tidy(self) -> None:
        with changing(self.folder):
            self._files.tidy(self._steps()[0])

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except StateError:
            raise
        except OSError as error:
            reason = error.strerror
            raise StateError(f"{self.folder}: cannot be read ({reason}); read it as the daemon's user") from None

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except StateError:
            raise
        except OSError as error:
            reason = error.strerror
            raise StateError(f"{self.folder}: not changed ({reason}); expected a disk with room that works") from None


def _short(text: str) -> str:
    """One line of a length that a file can afford."""
    return " ".join(text.split())[:300]
