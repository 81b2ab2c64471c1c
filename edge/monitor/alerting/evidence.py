"""Which columns of which devices drift, with few false alarms over the whole fleet.

A device calls a window drifted, column by column, at a small stated rate when nothing has changed. Ten thousand
devices with a window a minute would so send thousands of false verdicts a day. Here each column of each device has a
Shiryaev–Roberts e-detector on its verdicts, R ← (R + 1)·e (J. Shin, A. Ramdas, A. Rinaldo, "E-detectors", New England
Journal of Statistics in Data Science 2(2), 2023): e is the likelihood ratio of "drifted more often than usual", mixed
over several rates, against "drifted with at most the usual probability, whatever came before". All columns of all
devices are then judged together by e-BH (R. Wang, A. Ramdas, JRSS B 84(3), 2022): j of K are called drifting when
each holds at least K / j times the run length. While nothing has changed anywhere, the mean number of windows until
the fleet's first false alarm is then at least the run length, however devices depend on each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from edge.core.arrays import Floats

T = TypeVar("T", bound=np.generic)

RATES = np.array([0.05, 0.2, 0.5, 0.9])
"""Rates of drifted windows that the e-values are made for."""
SUDDEN = 2
"""Index into RATES: the one whose cumulative sum (E. Page, Biometrika 41, 1954) tells since when. Page, Biometrika
41, 1954) tells since when."""
COLUMNS = 10
"""Least number of columns of a device, for those of which no drifted window has told it."""
LARGEST = 1e250
_ROOM = 64


class EvidenceKey(NamedTuple):
    """Key of verdicts that follow each other: one model at one camera."""

    device: str
    camera: str
    model: str
    version: int


@dataclass(frozen=True, slots=True)
class DriftingColumn:
    """A column that drifts, with its strength: log10 of the evidence."""

    stream: EvidenceKey
    column: str
    since_ns: int
    """Start of the first drifted window of the run."""
    strength: float


@dataclass(slots=True)
class _Cells:
    """Cells of one key: the columns that have ever been drifted, and where their numbers stand."""

    names: list[str] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    turn: int = -1
    """In which a window of it waits to be counted."""


class Evidence:
    """For one thread. ``usual`` is the probability, whatever came before, with which an undisturbed column's window
    may be called drifted; above what devices state, for neighbouring windows resemble each other.
    """

    def __init__(self, usual: float = 0.01, clear_windows: int = 10) -> None:
        """A drift is over after ``clear_windows`` windows in a row without it."""
        rates = np.maximum(RATES, 2 * usual)
        self._hit, self._miss = np.log(rates / usual), np.log((1 - rates) / (1 - usual))
        self._clear = clear_windows
        self._streams: dict[EvidenceKey, _Cells] = {}
        self._owners: list[tuple[EvidenceKey, str]] = []
        self._columns = COLUMNS
        self._evidence = np.zeros((_ROOM, len(RATES)))
        self._sum = np.zeros(_ROOM)
        self._since, self._calm = (np.zeros(_ROOM, np.int64) for _ in range(2))
        self._found = np.zeros(_ROOM, np.bool_)
        self._turn = 0
        self._places, self._hits, self._starts = list[int](), list[bool](), list[int]()
        """Windows that wait to be counted together, at most one of each stream: one call of numpy for many."""

    def add(self, stream: EvidenceKey, drifted: Sequence[str], columns: int, start_ns: int) -> None:
        """One more window: the columns drifted in it, of so many (0: not told). Costs a microsecond or two."""
        self._columns = max(self._columns, columns)
        cells = self._streams.setdefault(stream, _Cells())
        if cells.turn == self._turn:
            self._settle()
        for name in drifted:
            if name not in cells.names:
                cells.names.append(name)
                cells.places.append(self._new(stream, name))
        if cells.places:
            cells.turn = self._turn
            self._places += cells.places
            self._hits += [name in drifted for name in cells.names] if drifted else [False] * len(cells.places)
            self._starts += [start_ns] * len(cells.places)

    def look(self, run_length: float) -> list[DriftingColumn]:
        """Evidence found now, which stays found until its windows are calm again. ``run_length``: windows of a device
        from one false alarm of the whole fleet to the next, on average at least.
        """
        self._settle()
        size = len(self._owners)
        over = self._found[:size] & (self._calm[:size] >= self._clear)
        self._found[:size] &= ~over
        self._evidence[:size][over] = 0.0
        self._sum[:size][over] = 0.0
        evidence = np.where(self._found[:size], 0.0, self._evidence[:size].mean(axis=1))
        self._found[:size] |= self._rejected(evidence, run_length)
        return [self._finding(int(place)) for place in np.flatnonzero(self._found[:size])]

    def _rejected(self, evidence: Floats, run_length: float) -> NDArray[np.bool_]:
        """By e-BH, among all columns of all streams, most of which were never drifted and need no numbers."""
        among = max(1, len(self._streams) * self._columns)
        order = np.sort(evidence)[::-1]
        enough = np.flatnonzero(order * np.arange(1, len(order) + 1) >= among * max(1.0, run_length))
        if not len(enough):
            return np.zeros(len(evidence), np.bool_)
        return np.asarray(evidence >= order[enough[-1]])

    def _settle(self) -> None:
        """Counts what waits."""
        self._turn += 1
        if self._places:
            self._step(np.array(self._places), np.array(self._hits), np.array(self._starts, np.int64))
            for waiting in (self._places, self._hits, self._starts):
                waiting.clear()

    def _step(self, places: NDArray[np.int64], hit: NDArray[np.bool_], starts: NDArray[np.int64]) -> None:
        with np.errstate(over="ignore"):
            grown = (self._evidence[places] + 1.0) * np.exp(np.stack([self._miss, self._hit]))[hit.astype(np.intp)]
        self._evidence[places] = np.minimum(grown, LARGEST)
        before = self._sum[places]
        log_e = np.where(hit, self._hit[SUDDEN], self._miss[SUDDEN])
        self._sum[places] = np.maximum(before + log_e, 0.0)
        begins = hit & (before == 0.0)
        self._since[places] = np.where(begins, starts, self._since[places])
        self._calm[places] = np.where(hit, 0, self._calm[places] + 1)

    def _finding(self, place: int) -> DriftingColumn:
        stream, column = self._owners[place]
        strength = float(np.log10(max(1.0, self._evidence[place].mean())))
        return DriftingColumn(stream, column, int(self._since[place]), strength)

    def _new(self, stream: EvidenceKey, name: str) -> int:
        self._owners.append((stream, name))
        if len(self._owners) > len(self._sum):
            self._grow(2 * len(self._sum))
        return len(self._owners) - 1

    def _grow(self, size: int) -> None:
        self._evidence = _grown(self._evidence, size)
        self._sum = _grown(self._sum, size)
        self._since = _grown(self._since, size)
        self._calm = _grown(self._calm, size)
        self._found = _grown(self._found, size)


def _grown(array: NDArray[T], size: int) -> NDArray[T]:
    made = np.zeros((size, *array.shape[1:]), array.dtype)
    made[: len(array)] = array
    return made
