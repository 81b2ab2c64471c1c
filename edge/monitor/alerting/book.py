"""From symptoms of devices to alerts for people: grouped by what and where, told once, silenced where asked."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from edge.monitor.alerting.rules import Rules
from edge.monitor.alerting.symptoms import Symptom, SymptomKey, Symptoms
from edge.monitor.queries.reading import Alert

SEVERITY = {
    "drift": "warning",
    "quiet": "critical",
    "drops": "warning",
    "buffer": "critical",
    "camera": "critical",
    "gate": "critical",
}
GROWN = 2.0
"""An alert is told again when it concerns so many times as many devices as when it was told last."""
NAMED = 5
"""Devices that a text names."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Notice for people."""

    what: Literal["opened", "grown", "closed"]
    alert: Alert


class AlertPlace(NamedTuple):
    """Where an alert is: a line; or a site or the whole fleet, whose line (and site) is ``*``."""

    kind: str
    feature: str
    site: str
    line: str

    @property
    def key(self) -> str:
        return json.dumps(self, ensure_ascii=False)


class AlertBook:
    """Keeps the alerts that are open. ``put`` stores one and returns it with its number."""

    def __init__(self, rules: Rules, put: Callable[[Alert], Alert], open_alerts: Iterable[Alert] = ()) -> None:
        self._rules, self._put = rules, put
        self._open = {alert.key: alert for alert in open_alerts}
        self._told = {alert.key: len(alert.devices) for alert in self._open.values()}
        self._waiting: dict[tuple[str, str], int] = {}

    def refresh(self, alerts: Iterable[Alert]) -> None:
        """Takes over what people have said of open alerts meanwhile: acknowledged, silenced."""
        for alert in alerts:
            if alert.key in self._open:
                self._open[alert.key] = replace(
                    self._open[alert.key],
                    acknowledged=alert.acknowledged,
                    silenced_until_ns=alert.silenced_until_ns,
                )

    def update(self, symptoms: Symptoms, now_ns: int) -> list[Notice]:
        """Notices to be told now. Raises StateError when an alert cannot be stored; nothing of it is told then."""
        groups = self._grouped(symptoms, now_ns)
        notices: list[Notice | None] = [
            self._close(alert, now_ns) for key, alert in list(self._open.items()) if key not in groups
        ]
        for key, (place, members) in groups.items():
            notice = self._change(key, members, now_ns) if key in self._open else self._begin(place, members, now_ns)
            notices.append(notice)
        return [notice for notice in notices if notice is not None and not self._silenced(notice.alert, now_ns)]

    def _grouped(self, symptoms: Symptoms, now_ns: int) -> dict[str, tuple[AlertPlace, Symptoms]]:
        """By the alert that covers them, or that is to cover them once they have waited for each other."""
        groups: dict[str, tuple[AlertPlace, Symptoms]] = {}
        fresh: dict[tuple[str, str], Symptoms] = defaultdict(dict)
        for matter, symptom in symptoms.items():
            place = next((one for one in _places(matter, symptom) if one.key in self._open), None)
            if place is None:
                fresh[matter.kind, matter.feature][matter] = symptom
            else:
                groups.setdefault(place.key, (place, {}))[1][matter] = symptom
        self._waiting = {about: self._waiting.get(about, now_ns) for about in fresh}
        for about, members in fresh.items():
            if now_ns - self._waiting[about] >= self._rules.group.wait_s * 1e9:
                level = self._level(members)
                for matter, symptom in members.items():
                    place = _place(matter, symptom, level)
                    groups.setdefault(place.key, (place, {}))[1][matter] = symptom
        return groups

    def _level(self, members: Symptoms) -> int:
        """0: an alert for each line; 1: for each site; 2: one for the fleet."""
        most = self._rules.group.most
        if len({(symptom.site, symptom.line) for symptom in members.values()}) <= most:
            return 0
        return 1 if len({symptom.site for symptom in members.values()}) <= most else 2

    def _begin(self, place: AlertPlace, members: Symptoms, now_ns: int) -> Notice:
        alert = Alert(
            key=place.key,
            kind=place.kind,
            severity=SEVERITY.get(place.kind, "warning"),
            devices=_names(members),
            feature=place.feature,
            opened_ns=now_ns,
            changed_ns=now_ns,
            text=describe(place, members),
        )
        self._open[place.key] = alert = self._put(alert)
        self._told[place.key] = len(alert.devices)
        return Notice("opened", alert)

    def _change(self, key: str, members: Symptoms, now_ns: int) -> Notice | None:
        alert, names = self._open[key], _names(members)
        if names == alert.devices:
            return None
        text = describe(AlertPlace(*json.loads(key)), members)
        self._open[key] = alert = self._put(replace(alert, devices=names, changed_ns=now_ns, text=text))
        if len(names) < GROWN * self._told[key]:
            return None
        self._told[key] = len(names)
        return Notice("grown", alert)

    def _close(self, alert: Alert, now_ns: int) -> Notice:
        closed = self._put(replace(alert, changed_ns=now_ns, closed_ns=now_ns))
        del self._open[alert.key], self._told[alert.key]
        return Notice("closed", closed)

    def _silenced(self, alert: Alert, now_ns: int) -> bool:
        if alert.silenced_until_ns is not None and now_ns < alert.silenced_until_ns:
            return True
        return self._rules.silenced(*AlertPlace(*json.loads(alert.key)), now_ns)


def describe(place: AlertPlace, members: Mapping[SymptomKey, Symptom]) -> str:
    """One line: what, where, since when, which."""
    names = _names(members)
    since_ns = min(symptom.since_ns for symptom in members.values())
    shown = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
    details = sorted({symptom.detail for symptom in members.values() if symptom.detail})
    detail = f" ({details[0]})" if len(details) == 1 else ""
    return f"{_WHAT[place.kind].format(place.feature)} {_where(place)} since {_clock(since_ns)}: {shown}{detail}"


_WHAT = {
    "drift": "{} drifts",
    "quiet": "no word",
    "drops": "frames are dropped",
    "buffer": "buffers are full",
    "rollback": "model {} was no good",
    "camera": "camera {}",
    "gate": "gate may be open",
}


def _where(place: AlertPlace) -> str:
    if place.site == "*" and place.line == "*":
        return "all over the fleet"
    return f"at {place.site or '-'}" + ("" if place.line == "*" else f", {place.line or '-'}")


def _clock(wall_ns: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M %z", time.localtime(min(max(0, wall_ns), 1 << 62) / 1e9))


def _names(members: Iterable[SymptomKey]) -> tuple[str, ...]:
    return tuple(sorted({matter.device for matter in members}))


def _place(matter: SymptomKey, symptom: Symptom, level: int) -> AlertPlace:
    site, line = ("*" if level > 1 else symptom.site), ("*" if level else symptom.line)
    return AlertPlace(matter.kind, matter.feature, site, line)


def _places(matter: SymptomKey, symptom: Symptom) -> list[AlertPlace]:
    """Places of an alert that would cover it, the widest first."""
    return [_place(matter, symptom, level) for level in (2, 1, 0)]
