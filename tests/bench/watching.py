"""False alarms and delays of the continuous watch, beside those of other detectors at equal run length.

Run lengths: ten features, 2,000 windows and more, of independent samples, of autoregressive ones and of a still
camera over the simulated line. Delays are compared at equal run length: each detector's threshold, ours too,
is the boldest with which undisturbed samples alarm every LENGTH samples or less often. What ours does with LENGTH as
its stated run length is said beside it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from edge.drift import ContinuousWatch, Pane, Reference, judge
from edge.drift.features import FEATURES
from edge.drift.univariate.samples import ks_2samp
from tests.bench.lines import FOLDER, Measured, measured
from tests.bench.timing import Row
from tests.bench.venvs import RIVER, run_in

Table = NDArray[np.float64]

PANE = 25
WINDOW = 100
FEATURE_COUNT = 10
STATED = 20_000
"""Samples: the run length that is stated where false alarms are counted."""
LENGTH = 50_000
"""Samples: the run length at which delays are compared; ten streams that alarm each every 500,000 samples. At 30
parts a second it is half an hour."""
CALIBRATION = 20_000
"""Samples that are learnt from where false alarms are counted."""
RUNS, WATCHED = 10, 25_000
SHIFTS = (0.05, 0.1, 0.2, 0.5, 1.0)
LATEST = 3_000
"""Delays are followed up to here."""
DELAY_RUNS = 12
BASE = "kinds=cracked,broken,missing_topping"
DRIFTS = {
    "light 0.95": f"{BASE}&light=0.95",
    "blur 0.5": f"{BASE}&blur=0.5",
    "red 0.95": f"{BASE}&cast=1,1,0.95",
    "defects 15 to 30 %": f"{BASE}&defects=0.3",
    "a new kind": f"{BASE},burnt",
}
LINE_RUNS = 3
LINE_PARTS = 1_500
LABELS = ("whole", "cracked", "burnt", "broken", "missing_topping")


def rows() -> Iterator[Row]:
    for rho in (0.0, 0.5, 0.9, 0.99):
        yield run_length("independent samples" if not rho else f"AR(1), ρ = {rho}", series(rho))
    yield run_length("simulated line, still camera", camera())
    yield from delays(0.0)
    yield from delays(0.9)
    yield from line_delays()


class Series(NamedTuple):
    reference: Reference
    calibration: Table
    """(samples, features)"""
    watched: Table


def autoregressive(rho: float, n: int, rng: np.random.Generator, features: int = FEATURE_COUNT) -> Table:
    """(n, features), deviation 1."""
    noise = rng.normal(0, np.sqrt(1 - rho**2), (n, features))
    noise[0] /= np.sqrt(1 - rho**2)
    return np.asarray(lfilter([1.0], [1.0, -rho], noise, axis=0))


def series(rho: float) -> Iterator[Series]:
    """RUNS of them, each with a reference of its own: run lengths are averages over references, too."""
    for run in range(RUNS):
        rng = np.random.default_rng(1000 * run + int(100 * rho))
        length = int(1000 * max(1.0, (1 + rho) / (1 - rho) / 4))
        values = autoregressive(rho, length + CALIBRATION + WATCHED, rng)
        cut = length + CALIBRATION
        yield Series(reference_of(values[:length]), values[length:cut], values[cut:])


def camera() -> Iterator[Series]:
    """A free-running camera sees each part in many frames."""
    for seed in range(1, 5):
        values = measured(f"seed={seed}&trigger=free", 26_000).features
        yield Series(reference_of(values[:1000]), values[1000:6000], values[6000:])


def reference_of(values: Table, labels: NDArray[np.int64] | None = None) -> Reference:
    n = len(values)
    predicted = np.zeros(n, np.int64) if labels is None else labels
    names = ("all",) if labels is None else LABELS
    features = tuple(FEATURES) if labels is not None else tuple(f"x{i}" for i in range(values.shape[1]))
    return Reference.fit(values, np.ones((n, len(names))), predicted, names, features)


def panes(reference: Reference, values: Table, labels: NDArray[np.int64] | None = None) -> Iterator[Pane]:
    for start in range(0, len(values) - PANE + 1, PANE):
        pane = Pane(reference)
        for seq in range(start, start + PANE):
            pane.add(values[seq], None, 0 if labels is None else int(labels[seq]), seq)
        yield pane


def run_length(name: str, runs: Iterator[Series]) -> Row:
    """Measured over all runs, without the limit to the effect, which would only make alarms rarer."""
    alarms = samples = 0
    for run in runs:
        watch = ContinuousWatch(run.reference, STATED, PANE, min_effect=0.0)
        for pane in panes(run.reference, run.calibration):
            watch.add(pane)
        found = [watch.add(pane) for pane in panes(run.reference, run.watched)]
        alarms += sum(one.alarm for one in found)
        samples += PANE * sum(not one.learning for one in found)
    expected = samples / STATED
    return Row(
        f"run length, {name} ({alarms} alarms in {samples // PANE} panes of {PANE})",
        samples / max(1, alarms),
        STATED,
        "smp",
        "≥ stated, within its standard error",
        samples >= 2000 * PANE and alarms <= expected + np.sqrt(expected),
    )


def delays(rho: float) -> Iterator[Row]:
    """Of a shift of one of ten features, σ = 1."""
    streams = _streams(rho)
    stated = boldest(series(rho))
    others = _river(f"shift-{rho}", streams.null, streams.changed)
    for shift in SHIFTS:
        key = str(shift)
        ours = [float(np.median([_our_delay(run, shift, one) for run in streams.runs])) for one in (stated, LENGTH)]
        classic = np.median([_window_delay(run, shift, streams.limit) for run in streams.runs])
        named = {"KS + Bonferroni": float(classic), **{name: found[key] for name, found in others.items()}}
        yield _delay_row(f"{shift} σ, ρ = {rho}", ours, named)


STATEMENTS = (500, 1000, 2000, 4000, 8000, 16_000, 32_000)


def boldest(runs: Iterator[Series]) -> float:
    """The run length to state so that the measured one is LENGTH or more."""
    alarms, samples = dict.fromkeys(STATEMENTS, 0), 0
    for run in runs:
        watches = {one: ContinuousWatch(run.reference, one, PANE, min_effect=0.0) for one in STATEMENTS}
        for pane in (*panes(run.reference, run.calibration[:5000]), *panes(run.reference, run.watched)):
            sample = watches[STATEMENTS[0]].streams.sample(pane)
            for one, watch in watches.items():
                alarms[one] += watch.add_sample(sample).alarm
        samples += len(run.watched)
    return float(next((one for one in STATEMENTS if samples >= LENGTH * alarms[one]), LENGTH))


class _Streams(NamedTuple):
    runs: list[Series]
    limit: float
    """Of a window's smallest p-value."""
    null: Table
    changed: dict[str, list[list[float]]]


def _streams(rho: float) -> _Streams:
    runs = []
    for run in range(DELAY_RUNS):
        rng = np.random.default_rng(50_000 + 1000 * run + int(100 * rho))
        values = autoregressive(rho, 1000 + 5000 + LATEST, rng)
        runs.append(Series(reference_of(values[:1000]), values[1000:6000], values[6000:]))
    rng = np.random.default_rng(9)
    smallest = []
    for _ in range(40):
        values = autoregressive(rho, 1000 + 200 * WINDOW, rng)
        smallest += [_smallest(values[:1000], values[at : at + WINDOW]) for at in range(1000, len(values), WINDOW)]
    changed = {str(s): [[*run.calibration[-500:, 0], *(run.watched[:, 0] + s)] for run in runs] for s in SHIFTS}
    null = autoregressive(rho, FEATURE_COUNT * LENGTH, rng, 1)
    return _Streams(runs, float(np.quantile(smallest, WINDOW / LENGTH)), null, changed)


def _smallest(reference: Table, window: Table) -> float:
    return min(ks_2samp(a, b).p_value for a, b in zip(reference.T, window.T, strict=True))


def _our_delay(run: Series, shift: float, stated: float) -> float:
    moved = run.watched.copy()
    moved[:, 0] += shift
    return _first_alarm(run.reference, panes(run.reference, run.calibration), panes(run.reference, moved), stated)


def _first_alarm(reference: Reference, quiet: Iterator[Pane], changed: Iterator[Pane], stated: float) -> float:
    watch = ContinuousWatch(reference, stated, PANE, min_effect=0.0)
    for pane in quiet:
        watch.add(pane)
    for number, pane in enumerate(changed, 1):
        if watch.add(pane).alarm:
            return float(PANE * number)
    return float("inf")


def _window_delay(run: Series, shift: float, limit: float) -> float:
    values = np.array(run.reference.columns[0].values)
    for at in range(0, LATEST, WINDOW):
        if ks_2samp(values, run.watched[at : at + WINDOW, 0] + shift).p_value <= limit:
            return float(at + WINDOW)
    return float("inf")


def line_delays() -> Iterator[Row]:
    """Of changes on the simulated line, one picture a part; the right labels stand for the model's."""
    base = measured(f"seed=100&{BASE}", 9_000)
    reference = reference_of(base.features[:1000], base.labels[:1000])
    quiet = Measured(base.features[1000:], base.labels[1000:])
    limit = _window_limit(reference, quiet)
    # Eight thousand undisturbed parts are too few to measure LENGTH with: stated as for independent samples.
    stated = boldest(series(0.0))
    changed = {
        name: [measured(f"seed=100&{o}", LINE_PARTS, 20_000 + i * LINE_PARTS) for i in range(LINE_RUNS)]
        for name, o in DRIFTS.items()
    }
    scaled = (base.features - base.features.mean(axis=0)) / base.features.std(axis=0)
    streams = {}
    for name, runs in changed.items():
        for column, feature in enumerate(FEATURES):
            tail = scaled[-500:, column]
            mean, std = base.features[:, column].mean(), base.features[:, column].std()
            streams[f"{name}|{feature}"] = [[*tail, *((run.features[:, column] - mean) / std)] for run in runs]
    others = _river("line", scaled[1000:6000, :].T.reshape(-1, 1), streams)
    for name, runs in changed.items():
        ours = [
            float(np.median([_line_delay(reference, quiet, run, one) for run in runs])) for one in (stated, LENGTH)
        ]
        classic = [_judged(reference, run, limit) for run in runs]
        best = {rival: min(found[f"{name}|{one}"] for one in FEATURES) for rival, found in others.items()}
        yield _delay_row(name, ours, {"KS, chi² + Bonferroni": float(np.median(classic)), **best})


def _line_delay(reference: Reference, quiet: Measured, run: Measured, stated: float) -> float:
    return _first_alarm(reference, panes(reference, *quiet), panes(reference, *run), stated)


def _window_limit(reference: Reference, quiet: Measured) -> float:
    smallest = []
    for at in range(0, len(quiet.features) - WINDOW, WINDOW):
        window = _pane(reference, quiet, at)
        smallest.append(min(column.p_value for column in judge(window).columns))
    return float(np.quantile(smallest, WINDOW / LENGTH))


def _judged(reference: Reference, run: Measured, limit: float) -> float:
    for at in range(0, len(run.features) - WINDOW + 1, WINDOW):
        if min(column.p_value for column in judge(_pane(reference, run, at)).columns) <= limit:
            return float(at + WINDOW)
    return float("inf")


def _pane(reference: Reference, samples: Measured, at: int) -> Pane:
    pane = Pane(reference)
    for seq in range(at, at + WINDOW):
        pane.add(samples.features[seq], None, int(samples.labels[seq]), seq)
    return pane


def _delay_row(name: str, ours: list[float], others: dict[str, float]) -> Row:
    """``ours`` at equal run length, and as stated."""
    told = ", ".join(f"{rival} {_samples(delay)}" for rival, delay in others.items())
    best = min(others.values())
    label = f"delay, {name}: {_samples(ours[0])}, as stated {_samples(ours[1])} ({told})"
    return Row(label, ours[0], best, "smp", "≤ the best", ours[0] <= best)


def _samples(delay: float) -> str:
    return f"{delay:.0f}" if np.isfinite(delay) else "never"


RIVER_PROGRAM = """
import json, sys
import numpy as np
from river.drift import ADWIN, KSWIN
data = json.load(open(sys.argv[1]))
null, allowed, before = data["null"], data["allowed"], data["before"]

def alarms(detector, values):
    found = []
    for place, value in enumerate(values):
        detector.update(value)
        if detector.drift_detected:
            found.append(place)
    return found

deltas = [0.002, 1e-3, 1e-4, 1e-5, 1e-6, 1e-8, 1e-12, 1e-20, 1e-40, 1e-80]
delta = next((d for d in deltas if len(alarms(ADWIN(delta=d), null)) <= allowed), None)
alphas = [0.005, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-9]
watcher, p_values = KSWIN(alpha=0.0, seed=1), []
for value in null[:50_000]:
    watcher.update(value)
    p_values.append(watcher.p_value if len(watcher.window) == watcher.window_size else 1.0)
def runs(alpha):
    places = np.flatnonzero(np.array(p_values) <= alpha)
    return int(len(places) > 0) + int((np.diff(places) > 100).sum())
alpha = next((a for a in alphas if runs(a) <= allowed), None)

def delay(make, values):
    if make is None:
        return float("inf")
    found = [place for place in alarms(make(), values) if place >= before]
    return found[0] - before + 1 if found else float("inf")

made = {"ADWIN": delta and (lambda: ADWIN(delta=delta)), "KSWIN": alpha and (lambda: KSWIN(alpha=alpha, seed=1))}
few = {"ADWIN": 12, "KSWIN": 4}  # half a millisecond a sample
out = {name: {key: float(np.median([delay(make, run) for run in runs[:few[name]]]))
              for key, runs in data["changed"].items()} for name, make in made.items()}
print(json.dumps(out))
"""


def _river(name: str, null: Table, changed: dict[str, list[list[float]]]) -> dict[str, dict[str, float]]:
    """Median delays by rival and key, each rival with the boldest threshold that keeps to the run length."""
    values = null.ravel()
    FOLDER.mkdir(parents=True, exist_ok=True)
    path: Path = FOLDER / f"river-{name}.json"
    data: dict[str, Any] = {
        "null": values.tolist(),
        "allowed": max(1, len(values) // (FEATURE_COUNT * LENGTH)),
        "before": 500,
        "changed": changed,
    }
    path.write_text(json.dumps(data, default=float), "utf-8")
    found: dict[str, dict[str, float]] = run_in(RIVER, RIVER_PROGRAM, str(path))
    path.unlink()
    return found
