"""From what the store holds to symptoms: one small watcher for each kind of alert."""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from edge.monitor.alerting.changes import NewEvent, NewWindow
from edge.monitor.alerting.evidence import Evidence, EvidenceKey
from edge.monitor.alerting.rules import (
    BufferRule,
    CameraRule,
    DriftRule,
    DropsRule,
    GateRule,
    QuietRule,
    RollbackRule,
)
from edge.monitor.alerting.symptoms import Hysteresis, Symptom, SymptomKey, Symptoms
from edge.monitor.queries.reading import FleetRow

WEEK_NS = 7 * 24 * 3600 * 10**9
LENGTHS = 1000
"""Number of last windows whose median says how many there are in a week."""

Devices = Mapping[str, FleetRow]


class DriftWatcher:
    """See :class:`Evidence`. A window that comes late, from a buffer, is passed over: it has had its turn."""

    def __init__(self, rule: DriftRule) -> None:
        self._rule = rule
        self._evidence = Evidence(rule.usual_share, rule.clear_windows)
        self._last: dict[EvidenceKey, tuple[int, int]] = {}
        self._lengths: deque[int] = deque(maxlen=LENGTHS)

    def look(self, windows: Iterable[NewWindow], devices: Devices) -> Symptoms:
        for window in windows:
            stream = EvidenceKey(window.device, window.camera, window.model, window.version)
            place = (window.end_ns, window.seq)
            if place > self._last.get(stream, (-1, -1)):
                self._last[stream] = place
                self._lengths.append(window.end_ns - window.start_ns)
                self._evidence.add(stream, window.drifted, window.columns, window.start_ns)
        found: Symptoms = {}
        for one in self._evidence.look(self.run_length):
            row = devices.get(one.stream.device)
            if row is not None:
                detail = f"camera {one.stream.camera}, {one.stream.model} {one.stream.version}"
                found[SymptomKey("drift", one.column, row.device)] = Symptom(row.site, row.line, one.since_ns, detail)
        return found

    @property
    def run_length(self) -> float:
        """Windows of a device in which the fleet may have one false alarm."""
        length_ns = max(1.0, statistics.median(self._lengths)) if self._lengths else 60e9
        return max(1.0, WEEK_NS / length_ns / self._rule.false_alarms_per_week)


class QuietWatcher:
    """Devices that went offline, or stopped to speak without a farewell."""

    def __init__(self, rule: QuietRule) -> None:
        self._after_ns = rule.after_s * 1e9
        self._hysteresis = Hysteresis(0.0, rule.clear_s)

    def look(self, devices: Devices, now_ns: int) -> Symptoms:
        seen: Symptoms = {}
        for row in devices.values():
            if row.state and now_ns - row.seen_ns >= self._after_ns:
                word = "offline" if row.state == "offline" else "no word"
                seen[SymptomKey("quiet", "", row.device)] = Symptom(row.site, row.line, row.seen_ns, word)
        return self._hysteresis.settle(seen, now_ns)


class DropsWatcher:
    """The share of the frames that were dropped between two health messages."""

    def __init__(self, rule: DropsRule) -> None:
        self._rule = rule
        self._hysteresis = Hysteresis(rule.after_s, rule.clear_s)
        self._before: dict[str, tuple[int, int]] = {}
        self._high: Symptoms = {}

    def look(self, devices: Devices, now_ns: int) -> Symptoms:
        for row in devices.values():
            counts = (row.decided or 0, row.dropped or 0)
            before = self._before.get(row.device)
            if counts != before:
                self._before[row.device] = counts
                if before is not None:
                    self._judge(row, counts[0] - before[0], counts[1] - before[1], now_ns)
        return self._hysteresis.settle(self._high, now_ns)

    def _judge(self, row: FleetRow, decided: int, dropped: int, now_ns: int) -> None:
        if decided < 0 or dropped < 0 or decided + dropped == 0:
            return  # it has booted again
        share, matter = dropped / (decided + dropped), SymptomKey("drops", "", row.device)
        if share >= self._rule.share:
            self._high.setdefault(matter, Symptom(row.site, row.line, now_ns, f"{share:.0%} of the frames dropped"))
        elif share <= self._rule.clear_share:
            self._high.pop(matter, None)


class BufferWatcher:
    """Buffers that threw away what nobody had; each such loss counts until it is ``clear_s`` old."""

    def __init__(self, rule: BufferRule) -> None:
        self._hysteresis = Hysteresis(rule.after_s, rule.clear_s)
        self._before: dict[str, int] = {}

    def look(self, devices: Devices, now_ns: int) -> Symptoms:
        seen: Symptoms = {}
        for row in devices.values():
            evicted = row.evicted or 0
            lost = evicted - self._before.get(row.device, evicted)
            self._before[row.device] = evicted
            if lost > 0:
                detail = f"{lost} rows thrown away undelivered"
                seen[SymptomKey("buffer", "", row.device)] = Symptom(row.site, row.line, now_ns, detail)
        return self._hysteresis.settle(seen, now_ns)


class RollbackWatcher:
    """Models that devices refused or rolled back."""

    def __init__(self, rule: RollbackRule) -> None:
        self._keep_ns = rule.keep_s * 1e9

    def look(self, outcomes: Iterable[tuple[str, Mapping[str, Any]]], devices: Devices, now_ns: int) -> Symptoms:
        seen: Symptoms = {}
        for device, outcome in outcomes:
            row, wall_ns = devices.get(device), int(outcome.get("wall_ns", 0))
            bad = outcome.get("result") in ("rolled back", "refused")
            if row is not None and bad and now_ns - wall_ns < self._keep_ns:
                detail = f"version {outcome.get('version')} {outcome.get('result')}: {outcome.get('reason')}"
                model = str(outcome.get("model", ""))
                seen[SymptomKey("rollback", model, device)] = Symptom(row.site, row.line, wall_ns, detail)
        return seen


class CameraWatcher:
    """Cameras that are lost, black, frozen, blurred."""

    def __init__(self, rule: CameraRule) -> None:
        self._hysteresis = Hysteresis(rule.after_s, rule.clear_s)
        self._active: dict[tuple[str, str, str], NewEvent] = {}

    def look(self, events: Sequence[NewEvent], devices: Devices, now_ns: int) -> Symptoms:
        for event in events:
            key = (event.device, event.camera, event.fault)
            if event.active:
                self._active[key] = event
            else:
                self._active.pop(key, None)
        seen: Symptoms = {}
        for (device, camera, fault), event in self._active.items():
            row = devices.get(device)
            if row is not None:
                seen[SymptomKey("camera", fault, device)] = Symptom(
                    row.site, row.line, event.since_ns, f"camera {camera}"
                )
        return self._hysteresis.settle(seen, now_ns)


class GateWatcher:
    """Gates that may be open. It looks at the last health message, not at events: a device that was killed over it
    says in its next life that all is well, and never that it is over."""

    def __init__(self, rule: GateRule) -> None:
        self._hysteresis = Hysteresis(rule.after_s, rule.clear_s)

    def look(self, gates: Iterable[tuple[str, int, str]], devices: Devices, now_ns: int) -> Symptoms:
        seen: Symptoms = {}
        for device, since_ns, problem in gates:
            row = devices.get(device)
            if row is not None:
                seen[SymptomKey("gate", "", device)] = Symptom(row.site, row.line, since_ns, problem)
        return self._hysteresis.settle(seen, now_ns)
