"""The continuous watch: learns from undisturbed panes in sequence, then alarms at most as often as stated."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge.core.arrays import Floats
from edge.drift.pane import Pane
from edge.drift.reference import Reference
from edge.drift.watch.detector import Detector, Moments, rejected
from edge.drift.watch.streams import CLASS, WATCHED_MARKS, Streams, WatchedPane
from edge.drift.watch.verdict import NEAR, DriftKind, kind_of

LEARN = 80
"""Panes that are learnt from at least."""
MAX_LEARNT = 2000
"""The latest panes that are kept while it learns: a line that wanders for longer is never watched, as is said."""
TRY_EVERY = 10
"""Panes between two looks whether it has learnt enough."""
MIN_GROUPS = 20
MEMORY = 0.15
"""Correlation of neighbouring panes (less its own chance) above which two become one: an autoregression serves only
where it is small."""


RECENT = 200
"""Groups that are kept, to say since when and how much a column has changed."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """One column that has changed."""

    name: str
    evidence: float
    """Over what an alarm of all columns together needs: from about 1 on."""
    effect: float
    shift: float
    """Both over the last three quarters of the run of evidence."""
    since_seq: int
    """First sample of that run."""
    small: bool
    """The effect is below the limit: said, but no alarm."""
    kind: DriftKind
    """Kind of the change: in the pictures, or in what the model makes of them."""


@dataclass(frozen=True, slots=True)
class PaneResult:
    """Result of one pane."""

    learning: bool
    evidence: float
    """The strongest column's, as in :class:`Alarm`."""
    columns: tuple[Alarm, ...]
    """When there is enough evidence of all columns together: those that have enough, and those that would by
    themselves. The order is that of a verdict, marks last: they say that something is odd, not what."""

    @property
    def alarm(self) -> bool:
        return any(not column.small for column in self.columns)


@dataclass(frozen=True, slots=True)
class _Group:
    samples: tuple[WatchedPane, ...]
    before: Moments
    """Moments learnt before it."""


class ContinuousWatch:
    """Panes in sequence in, alarms out; for one thread.

    ``run_length`` is how many samples there are on average, at least, between two false alarms; panes have ``pane``
    samples. ``min_effect`` as in :func:`edge.drift.judge`. What is guaranteed, and when: edge/drift/README.md.
    """

    def __init__(
        self, reference: Reference, run_length: float, pane: int, *, learn: int = LEARN, min_effect: float = 0.1
    ) -> None:
        self.streams = Streams(reference)
        self._run_length, self._size, self._min_effect = run_length, pane, min_effect
        self._learn = max(learn, MIN_GROUPS)
        self._learnt: deque[Floats] = deque(maxlen=MAX_LEARNT)
        self._seen = 0
        self._detector: Detector | None = None
        self._group = 1
        self._waiting: list[WatchedPane] = []
        self._recent: deque[_Group] = deque(maxlen=RECENT)

    @property
    def group(self) -> int:
        """Panes that are taken together, because neighbours resemble each other; 1 while it learns."""
        return self._group

    def add(self, pane: Pane) -> PaneResult:
        """One more pane. The first ones are learnt from, and must be of the undisturbed line."""
        return self.add_sample(self.streams.sample(pane))

    def add_sample(self, sample: WatchedPane) -> PaneResult:
        """Adds a pane like :meth:`add`, from what :class:`edge.drift.watch.streams.Streams` keeps of it."""
        if self._detector is None:
            self._learnt.append(self.streams.measure(sample))
            self._seen += 1
            if self._seen >= self._learn and self._seen % TRY_EVERY == 0:
                self._begin()
            return PaneResult(True, 0.0, ())
        self._waiting.append(sample)
        if len(self._waiting) < self._group:
            return PaneResult(False, self._strength(self._detector.evidence), ())
        self._recent.append(_Group(tuple(self._waiting), self._detector.moments.copy()))
        self._waiting = []
        return self._step(self._detector)

    def _begin(self) -> None:
        """Starts to watch when what was learnt is enough."""
        group = groups_of(np.stack(self._learnt))
        if group is None:
            return
        self._group = group
        least = self.streams.least(self._size * group)
        self._detector = Detector(least.shape, self.streams.weights, least, self.streams.binary)
        for values in grouped(np.stack(self._learnt), group):
            self._detector.learn(self._whole(values))
        self._learnt.clear()

    def _step(self, detector: Detector) -> PaneResult:
        samples = self._recent[-1].samples
        evidence = detector.step(self._whole(np.mean([self.streams.measure(one) for one in samples], axis=0)))
        found = rejected(evidence, self._needed)
        named = found | (evidence >= self._needed) if found.any() else found
        columns = plainest_first([self._alarm(int(place), evidence, detector) for place in np.flatnonzero(named)])
        result = PaneResult(False, self._strength(evidence), tuple(columns))
        if result.alarm:
            self._forget(detector, max(detector.run(int(place)) for place in np.flatnonzero(found)))
        return result

    def _whole(self, values: Floats) -> Floats:
        """Means over a group, of which whatever occurred in any of its panes occurred."""
        return np.where(self.streams.binary, values > 0, values)

    def _alarm(self, place: int, evidence: Floats, detector: Detector) -> Alarm:
        groups = list(self._recent)[-max(1, detector.run(place)) :]
        # A run may begin with a pane of before the change, by chance: it would halve the effect of a sudden one.
        late = groups[-(-len(groups) // 4) :] or groups
        effect = self.streams.effect(place, [sample for group in late for sample in group.samples])
        name = self.streams.names[place]
        return Alarm(
            name,
            self._strength(evidence[place : place + 1]),
            effect.size,
            effect.shift,
            groups[0].samples[0].first_seq,
            effect.size < self._min_effect,
            kind_of(name, self.streams.features),
        )

    def _forget(self, detector: Detector, run: int) -> None:
        """After an alarm it watches anew, and what the changed panes taught is undone."""
        detector.moments = self._recent[-min(max(1, run), len(self._recent))].before
        detector.restart()
        self._recent.clear()

    @property
    def _needed(self) -> float:
        """Evidence needed of the mean over columns, in groups."""
        return max(1.0, self._run_length / (self._size * self._group))

    def _strength(self, evidence: Floats) -> float:
        return float(evidence.max() / (len(self.streams.names) * self._needed))


def plainest_first(alarms: Sequence[Alarm]) -> list[Alarm]:
    """From the order of the streams to that of a verdict.

    See :func:`edge.drift.watch.verdict.strongest_first` and :func:`edge.drift.watch.verdict.target_first`.
    """
    plain = [alarm for alarm in alarms if alarm.name not in WATCHED_MARKS]
    largest = max((alarm.effect for alarm in plain), default=0.0)
    furthest = max((alarm.effect for alarm in plain if alarm.kind == "data"), default=0.0)
    shares = max((abs(alarm.shift) for alarm in plain if alarm.name.startswith(CLASS)), default=0.0)

    def key(place: int) -> tuple[bool, bool, bool, bool, float]:
        alarm = alarms[place]
        near = alarm.effect >= NEAR * largest
        later = 0 < furthest <= shares and alarm.kind == "data"
        return (alarm.small, alarm.name in WATCHED_MARKS, later, not near, place if near else -alarm.evidence)

    return [alarms[place] for place in sorted(range(len(alarms)), key=key)]


def groups_of(learnt: Floats) -> int | None:
    """Number of neighbours of (panes, columns, scores) that must be taken together; None when more must be learnt
    first."""
    group = 1
    while len(learnt) // group >= MIN_GROUPS:
        together = grouped(learnt, group)
        chance = 1 / np.sqrt(len(together))
        if np.nanmax(_correlation(together[:, :, :2]), initial=0.0) - chance <= MEMORY:
            return group
        group *= 2
    return None


def grouped(panes: Floats, group: int) -> Floats:
    """Means of ``group`` neighbours each; the last ones that do not fill a group are left out."""
    whole = panes[: len(panes) // group * group]
    return np.asarray(whole.reshape(-1, group, *whole.shape[1:]).mean(axis=1))


def _correlation(panes: Floats) -> Floats:
    """Between neighbours, (columns, scores)."""
    there = np.isfinite(panes)
    mean = np.where(there, panes, 0.0).sum(axis=0) / np.maximum(there.sum(axis=0), 1)
    centred = np.where(there, panes - mean, 0.0)
    square = (centred**2).sum(axis=0)
    steady = square <= len(panes) * 1e-18  # a constant, but for rounding
    ratio = (centred[1:] * centred[:-1]).sum(axis=0) / np.where(steady, 1.0, square)
    return np.asarray(np.where(steady, 0.0, ratio))
