"""A simulated week of ten thousand devices, fifty of which drift: how many are found, when, and what else is said.

Verdicts are those of real windows of the simulated fleet, judged by the devices' own code: a bank of calm ones,
from which every device draws, and one for each drift. The last row is the worst that the promise allows: every column
of every device is called drifted with the usual probability.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from edge.monitor.alerting.evidence import DriftingColumn, Evidence, EvidenceKey
from edge.monitor.alerting.rules import DriftRule
from edge.sim.fleet.population import Population
from edge.sim.fleet.script import UNDISTURBED, PartCondition
from edge.sim.fleet.windows import WindowPool
from tests.bench.setting import Setting
from tests.bench.timing import Row

DEVICES, DRIFTING = 10_000, 50
WEEK_S = 7 * 24 * 3600
WINDOW_S = 60
WINDOWS = WEEK_S // WINDOW_S
CALM_BANK, DRIFT_BANK = 3000, 150
SAMPLES = 200
SHIFTS = {"brightness": (-1.5, -3.0), "sharpness": (-1.5, -3.0), "red": (1.5, 3.0)}
"""By deviations of the reference."""
MAX_FALSE = 5
RULE = DriftRule()

Verdict = tuple[str, ...]


def rows(setting: Setting) -> Iterator[Row]:
    population = Population.draw_line(11)
    columns = len(population.reference.columns) + 1
    week = f"a week of {DEVICES} devices, a window each {WINDOW_S} s: "
    delays, false = simulate(population, columns)
    yield Row(f"{week}drifting ones found", len(delays), DRIFTING, "", "all", len(delays) == DRIFTING)
    yield Row(f"{week}others alarmed for", false, None, "", f"at most {MAX_FALSE}", false <= MAX_FALSE)
    yield Row(f"{week}windows until found, median", float(np.median(delays)), None, "", "shown", True)
    yield Row(f"{week}windows until found, longest", float(max(delays)), None, "", "shown", True)
    false = worst(columns)
    name = "500 devices, each column drifted as often as is allowed: alarmed for"
    yield Row(name, false, None, "", f"at most {MAX_FALSE}", false <= MAX_FALSE)


def simulate(population: Population, columns: int) -> tuple[list[int], int]:
    """Windows until each drifting device was found, from the beginning of its drift; and false alarms."""
    rng = np.random.default_rng(5)
    calm = bank(population, UNDISTURBED, CALM_BANK)
    odd = [verdict for verdict in calm if verdict]
    moved = [
        bank(population, PartCondition(((name, by),)), DRIFT_BANK) for name, sizes in SHIFTS.items() for by in sizes
    ]
    begins = {number: int(rng.integers(WINDOWS // 10, WINDOWS // 2)) for number in range(DRIFTING)}
    streams = [EvidenceKey(f"d{number}", "0", "cookie", 1) for number in range(DEVICES)]
    evidence, spoken = Evidence(RULE.usual_share, RULE.clear_windows), set[int]()
    delays: dict[int, int] = {}
    false: set[tuple[EvidenceKey, str]] = set()
    for stream in streams:
        evidence.add(stream, (), columns, 0)
    for window in range(1, WINDOWS):
        chosen = np.flatnonzero(rng.random(DEVICES) < len(odd) / CALM_BANK)
        verdicts = {int(number): odd[int(rng.integers(len(odd)))] for number in chosen}
        for number in (number for number, begin in begins.items() if window >= begin):
            drift = moved[number % len(moved)]
            verdicts[number] = drift[int(rng.integers(len(drift)))]
        spoken |= verdicts.keys()  # of the others there is nothing to count
        for number in spoken:
            evidence.add(streams[number], verdicts.get(number, ()), columns, window)
        for one in evidence.look(WINDOWS / RULE.false_alarms_per_week):
            number = int(one.stream.device[1:])
            if window >= begins.get(number, WINDOWS):
                delays.setdefault(number, window - begins[number] + 1)
            else:
                false.add((one.stream, one.column))
    return list(delays.values()), len(false)


def worst(columns: int, devices: int = 500) -> int:
    """False alarms in a week."""
    rng, evidence, false = np.random.default_rng(6), Evidence(RULE.usual_share, RULE.clear_windows), 0
    names, before = [f"c{place}" for place in range(columns)], set[tuple[EvidenceKey, str]]()
    for window in range(WINDOWS):
        hits = rng.random((devices, columns)) < RULE.usual_share
        for number in range(devices):
            drifted = [names[place] for place in np.flatnonzero(hits[number])]
            evidence.add(EvidenceKey(f"d{number}", "0", "cookie", 1), drifted, columns, window)
        now = {matter(one) for one in evidence.look(WINDOWS / RULE.false_alarms_per_week)}
        false, before = false + len(now - before), now
    return false


def matter(finding: DriftingColumn) -> tuple[EvidenceKey, str]:
    return finding.stream, finding.column


def bank(population: Population, condition: PartCondition, size: int) -> list[Verdict]:
    """Of each window, the columns that are drifted."""
    pool = WindowPool(population, "", SAMPLES, 0, seed=7)
    windows = (pool.take(condition) for _ in range(size))
    return [tuple(c.name for c in window.verdict.columns if c.drifted) for window in windows]
