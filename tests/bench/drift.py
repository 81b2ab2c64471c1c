"""What drift costs: beside Evidently's preset and alibi-detect's KSDrift, per frame, in memory and on the wire."""

from __future__ import annotations

import json
import math
import time
import zlib
from collections.abc import Iterator

import numpy as np

from edge.drift import FEATURES, DriftWatch, Pane, Reference, encode_pane, evidently_column, judge
from edge.drift.univariate.samples import ks_2samp
from edge.drift.univariate.statistics import chi_squared
from tests.bench import watching
from tests.bench.setting import Setting
from tests.bench.timing import Row, child
from tests.bench.venvs import ALIBI, EVIDENTLY, run_in
from tests.support.drift_packages import alibi_cases, ask, evidently_cases

WINDOW, COLUMNS = 1000, 10
FRAMES = 8000
BLOCK = 25


def rows(setting: Setting) -> Iterator[Row]:
    yield from agreement()
    for size in (1000, 10_000):
        yield from window_cost(size)
    yield frame_cost()
    yield memory()
    yield payload()
    yield from watching.rows()


def agreement() -> Iterator[Row]:
    """With what they say themselves, run anew."""
    found = ask()
    worst = 0.0
    same = True
    for case, (test, value, drifted) in zip(evidently_cases(), found["evidently"], strict=True):
        ours = evidently_column(case["reference"], case["current"])
        same &= (ours.test, ours.drifted) == (test, drifted)
        worst = max(worst, abs(ours.value - value) if test != "jensenshannon" else abs(ours.value**2 - value**2))
    count = len(found["evidently"])
    name = f"largest difference to Evidently's values, {count} columns, {'all' if same else 'NOT all'} verdicts equal"
    yield Row(name, worst, None, "", "≤ 1e-12, verdicts equal", same and worst <= 1e-12)
    worst = 0.0
    for case, (p_value, _) in zip(alibi_cases(), found["alibi"], strict=True):
        if case["numeric"]:
            p = ks_2samp(case["reference"], case["current"], "asymp").p_value
        else:
            p = chi_squared(
                *(np.bincount(case[side], minlength=5).tolist() for side in ("reference", "current"))
            ).p_value
        worst = max(worst, abs(p - p_value))
    yield Row("largest difference to alibi-detect's p-values", worst, None, "", "≤ 1e-6", worst <= 1e-6)


RIVAL = """
import json, statistics, sys, time
import numpy as np
size, window, columns, tool = *map(int, sys.argv[1:4]), sys.argv[4]
rng = np.random.default_rng(0)
reference, current = rng.normal(0, 1, (size, columns)), rng.normal(0, 1, (window, columns))
if tool == "evidently":
    import pandas as pd
    from evidently import Report
    from evidently.presets import DataDriftPreset
    frames = [pd.DataFrame(values, columns=[f"x{i}" for i in range(columns)]) for values in (current, reference)]
    call, rounds = lambda: Report([DataDriftPreset()]).run(*frames).dict(), 4
else:
    from alibi_detect.cd import KSDrift
    detector = KSDrift(reference.astype(np.float32), p_val=0.05)
    values = current.astype(np.float32)
    call, rounds = lambda: detector.predict(values), 20
times = []
for _ in range(rounds + 1):
    began = time.perf_counter()
    call()
    times.append(time.perf_counter() - began)
print(json.dumps(min(times[1:])))
"""


def window_cost(size: int) -> Iterator[Row]:
    """Ours includes each of the window's updates, one by one; theirs gets the window as it is."""
    before = _our_window(size)
    others = {
        name: run_in(requirements, RIVAL, str(size), str(WINDOW), str(COLUMNS), name)
        for name, requirements in (("evidently", EVIDENTLY), ("alibi-detect", ALIBI))
    }
    ours = min(before, _our_window(size))
    for name, (least, what) in {"evidently": (50, "Evidently's preset"), "alibi-detect": (10, "KSDrift")}.items():
        theirs = others[name]
        label = f"a window of {WINDOW} × {COLUMNS} against {size}, all updates included, beside {what}"
        holds = theirs / ours >= least
        yield Row(label, ours * 1000, theirs * 1000, "ms", f"≥ {least}× faster ({theirs / ours:.1f}×)", holds)


def _our_window(size: int) -> float:
    """Least seconds of a new pane, all its updates and the verdict."""
    rng = np.random.default_rng(0)
    reference = Reference.fit(
        rng.normal(0, 1, (size, COLUMNS)), np.ones((size, 1)), [0] * size, ("all",), [f"x{i}" for i in range(COLUMNS)]
    )
    values = rng.normal(0, 1, (WINDOW, COLUMNS))
    taken = []
    for _ in range(40):
        began = time.perf_counter()
        pane = Pane(reference)
        for seq in range(WINDOW):
            pane.add(values[seq], None, 0, seq)
        judge(pane)
        taken.append(time.perf_counter() - began)
    return min(taken)


def _watch(window: int) -> tuple[DriftWatch, list[np.ndarray], np.ndarray]:
    rng = np.random.default_rng(0)
    scores = rng.beta(2, 5, (1000, 2))
    reference = Reference.fit(
        rng.normal(100, 10, (1000, len(FEATURES))), scores, scores.argmax(axis=1), ("a", "b"), tuple(FEATURES)
    )
    pictures = [rng.integers(0, 256, (224, 224, 3), np.uint8) for _ in range(8)]
    return DriftWatch(reference, window), pictures, scores


def frame_cost() -> Row:
    """Features, counting, the continuous watch and, at each window's end, the verdict and the packed statistics."""
    watch, pictures, scores = _watch(200)
    least = [math.inf] * (200 // BLOCK)
    for start in range(0, FRAMES, BLOCK):
        began = time.perf_counter()
        for seq in range(start, start + BLOCK):
            watch.add(pictures[seq % 8], scores[seq % 1000], seq % 2, seq, seq)
        place = start // BLOCK % len(least)
        least[place] = min(least[place], time.perf_counter() - began)
    # Of each stretch of a window the least of many: a busy machine disturbs most of them.
    ours = sum(least) / 200 * 1e6
    name = "features and statistics, 224×224, window 200, everything, a frame"
    return Row(name, ours, None, "µs", "≤ 100", ours <= 100)


def memory() -> Row:
    """What Python and numpy hold of it at most, from the reference's making to after 3,000 frames."""
    grown = child(
        "import tracemalloc\nimport numpy as np\nfrom tests.bench.drift import _watch\n"
        "_watch(1000)\ntracemalloc.start()\n"
        "watch, pictures, scores = _watch(1000)\n"
        "for seq in range(3000): watch.add(pictures[seq % 8], scores[seq % 1000], seq % 2, seq, seq)\n"
        "print(tracemalloc.get_traced_memory()[1] - sum(one.nbytes for one in pictures))"
    )
    ours = int(grown) / 1e6
    return Row("memory of reference, window and continuous watch, at its peak", ours, None, "MB", "≤ 10", ours <= 10)


def payload() -> Row:
    """As JSON, compressed as a broker's bridge would."""
    rng = np.random.default_rng(0)
    names = [f"x{i}" for i in range(COLUMNS)]
    reference = Reference.fit(rng.normal(0, 1, (1000, COLUMNS)), np.ones((1000, 1)), [0] * 1000, ("all",), names)
    pane = Pane(reference)
    for seq, row in enumerate(rng.normal(0, 1, (WINDOW, COLUMNS))):
        pane.add(row, None, 0, seq)
    ours = len(zlib.compress(json.dumps(encode_pane(pane)).encode(), 9)) / 1000
    brackets = [pane.wasserstein(place) for place in range(COLUMNS)]
    assert all(math.isfinite(one.high) for one in brackets)
    return Row(
        f"statistics of {COLUMNS} features and {WINDOW} frames, compressed", ours, None, "kB", "≤ 6", ours <= 6
    )
