"""Symptoms of a device now, with hysteresis: each must last before it counts, and be away before it is over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple


class SymptomKey(NamedTuple):
    """Key of one symptom of one device."""

    kind: str
    """One of edge.monitor.alerting.rules.KINDS."""
    feature: str
    """The column that drifts, the camera's fault, the model's name; empty where there is nothing to tell apart."""
    device: str


@dataclass(frozen=True, slots=True)
class Symptom:
    site: str
    line: str
    since_ns: int
    """Wall clock."""
    detail: str = ""


Symptoms = dict[SymptomKey, Symptom]


class Hysteresis:
    """Lets through what has lasted ``after_s``, and holds it until it was away for ``clear_s``."""

    def __init__(self, after_s: float, clear_s: float) -> None:
        self._after_ns, self._clear_ns = round(after_s * 1e9), round(clear_s * 1e9)
        self._first: dict[SymptomKey, int] = {}
        self._held: Symptoms = {}
        self._away: dict[SymptomKey, int] = {}

    def settle(self, seen: Mapping[SymptomKey, Symptom], now_ns: int) -> Symptoms:
        """Symptoms that count now. ``now_ns`` must not go back."""
        self._first = {matter: self._first.get(matter, now_ns) for matter in seen}
        for matter, symptom in seen.items():
            self._away.pop(matter, None)
            if matter in self._held or now_ns - self._first[matter] >= self._after_ns:
                self._held.setdefault(matter, symptom)
        for matter in [matter for matter in self._held if matter not in seen]:
            if now_ns - self._away.setdefault(matter, now_ns) >= self._clear_ns:
                del self._held[matter], self._away[matter]
        return dict(self._held)
