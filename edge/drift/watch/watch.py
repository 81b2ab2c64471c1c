"""Drift on the device: one picture and its decision in, a verdict out at the end of each window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge.core.structs import nearest, plain
from edge.drift.encoding.wire import encode_pane
from edge.drift.features import PartShape, known_features, measure
from edge.drift.pane import Pane
from edge.drift.reference import Reference
from edge.drift.watch.continuous import Alarm, ContinuousWatch, plainest_first
from edge.drift.watch.streams import WatchedPane
from edge.drift.watch.verdict import WindowVerdict, judge
from edge.errors import ArtifactError, ConfigError
from edge.inference.frames.frame import Image

MIN_SAMPLES = 30
"""A last window with fewer samples is not judged."""

PANE = range(25, 51)
"""Samples in a pane of the continuous watch: the fewest of these that divide the window, else the window itself."""


@dataclass(frozen=True, slots=True)
class WindowResult:
    number: int
    """Count of the windows since the start, from 0."""
    n: int
    first_seq: int
    last_seq: int
    start_ns: int
    end_ns: int
    """Wall clock at capture of the first and the last sample."""
    verdict: WindowVerdict
    pane: dict[str, Any]
    """:func:`edge.drift.encoding.wire.encode_pane`: what a monitor merges."""
    alarms: tuple[Alarm, ...] = ()
    """Alarms of the continuous watch within this window, the right one to look at first; those that are too small to
    matter are marked as such."""
    learning: bool = False
    """The continuous watch has not begun yet."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        fields: dict[str, Any] = plain(self)
        return fields


class DriftWatch:
    """Tumbling windows of ``window`` samples, and beside them the continuous watch; for one thread.

    ``alpha`` is the share of windows of independent samples of an undisturbed line that may be called drifted: at
    30 parts a second and 200 parts a window, 0.001 is one false alarm in two hours, 0.05 would be one in two minutes.
    The continuous watch alarms falsely as rarely also where neighbours resemble each other: every window / alpha
    samples.

    Raises ArtifactError when the reference holds a feature that nobody registered here, and ConfigError for a
    window below MIN_SAMPLES.
    """

    def __init__(self, reference: Reference, window: int = 200, alpha: float = 0.001, *, model: str = "") -> None:
        if window < MIN_SAMPLES:
            raise ConfigError(f"drift window: expected at least {MIN_SAMPLES} samples, got {window}")
        _check_features(reference)
        self._reference, self._model = reference, model
        self._window, self._alpha = window, alpha
        self._number = 0
        self._size = min((size for size in PANE if window % size == 0), default=window)
        self._continuous = ContinuousWatch(reference, window / alpha, self._size)
        self._alarms: list[Alarm] = []
        self._learning = True
        self._pane = Pane(reference, model)
        self._before: WatchedPane | None = None
        self._features: NDArray[np.float64] | None = None
        self._first_seq = 0
        self._start_ns = self._end_ns = 0

    def add(
        self,
        image: Image | None,
        scores: ArrayLike | None,
        label: int | None,
        seq: int,
        captured_wall_ns: int,
        *,
        part: PartShape | None = None,
        rejected: bool = False,
    ) -> WindowResult | None:
        """Counts one decision; the result of the window that it completes, else None.

        ``image`` is the resized model input (H×W×3 uint8 BGR, or H×W×1), ``scores`` the real-valued outputs
        (n_labels,), ``label`` the index of the predicted one. None where there is no picture or no decision.
        """
        features = self._features = None if image is None else measure(image, self._reference.features, part)
        pane = self._pane
        pane.add(features, scores, label, seq, rejected=rejected)
        if pane.n == 1:
            self._start_ns = captured_wall_ns
        self._end_ns = captured_wall_ns
        if pane.n % self._size == 1:
            self._first_seq = seq
        elif pane.n % self._size == 0:
            self._follow(pane)
        return self._finish() if pane.n >= self._window else None

    def add_audit(self, stratum: str, predicted: int, true: int) -> None:
        """A person's judgement of an earlier sample, counted in the window under way; see :meth:`Pane.add_audit`."""
        self._pane.add_audit(stratum, predicted, true)

    @property
    def outlying(self) -> bool:
        """Whether the last picture was farther from the reference than its limit for outliers."""
        limits, features = self._reference.outliers, self._features
        return limits is not None and features is not None and bool(limits.far(features[None])[0])

    def close(self) -> WindowResult | None:
        """The window that was under way, if it has at least MIN_SAMPLES samples."""
        return self._finish() if self._pane.n >= MIN_SAMPLES else None

    def _follow(self, pane: Pane) -> None:
        """Gives the continuous watch what was added since the last time."""
        sample, self._before = self._continuous.streams.newest(pane, self._before, self._first_seq)
        watched = self._continuous.add_sample(sample)
        self._alarms += watched.columns
        self._learning = watched.learning

    def _finish(self) -> WindowResult:
        pane = self._pane
        result = WindowResult(
            number=self._number,
            n=pane.n,
            first_seq=pane.first_seq,
            last_seq=pane.last_seq,
            start_ns=self._start_ns,
            end_ns=self._end_ns,
            verdict=judge(pane, alpha=self._alpha),
            pane=encode_pane(pane),
            alarms=tuple(plainest_first(self._alarms)),
            learning=self._learning,
        )
        self._number += 1
        self._alarms = []
        self._pane, self._before = Pane(self._reference, self._model), None
        return result


def _check_features(reference: Reference) -> None:
    known = known_features()
    for name in reference.features:
        if name not in known:
            raise ArtifactError(
                f"drift reference: no feature {name!r} in this program; {nearest(name, list(known))}; "
                "import the module that defines it"
            )
