"""A simulated fleet, its store and its alerts: what was scripted is found, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from edge.monitor.alerting import Alerting, Notice, Rules
from edge.monitor.alerting.rules import DriftRule, GroupRule, QuietRule
from edge.monitor.store.store import Store
from edge.monitor.subscriber.decode import Arrival
from edge.protocol.messages import (
    GATE,
    MAY_BE_OPEN,
    BufferDepth,
    EventMessage,
    GateState,
    Health,
    Identity,
    Latency,
    encode,
    kind_of,
)
from edge.protocol.topics import topic
from edge.sim.fleet import Change, FleetOptions, Population, SimulatedFleet

START_NS = 1_700_000_000 * 10**9
OPTIONS = FleetOptions(devices=16, sites=2, lines=2, interval_s=60, samples=60, pool=4)
RULES = Rules(group=GroupRule(wait_s=0))


@pytest.fixture(scope="session")
def population() -> Population:
    return Population.draw_line(seed=1, size=120)


def happenings(population: Population, script: list[Change], until_s: float, rules: Rules = RULES) -> list[Notice]:
    """All notices of a fleet that is looked at every minute."""
    return [notice for _, notices in looks(population, script, until_s, rules) for notice in notices]


def looks(
    population: Population, script: list[Change], until_s: float, rules: Rules = RULES
) -> Iterator[tuple[float, list[Notice]]]:
    store = Store(None)
    fleet = SimulatedFleet(OPTIONS, script, start_wall_ns=START_NS, population=population)
    alerting, next_s, arrivals = Alerting(store, rules, START_NS), 60.0, []
    for sent in fleet.messages(until_s):
        while sent.at_s >= next_s:
            store.accept(arrivals)
            yield next_s, alerting.look(START_NS + round(next_s * 1e9))
            next_s, arrivals = next_s + 60, []
        arrivals.append(Arrival(sent.message.topic, sent.message.payload, START_NS + round(sent.at_s * 1e9)))


def test_a_calm_fleet_is_a_quiet_one(population: Population):
    assert happenings(population, [], 1200) == []


def test_a_drift_is_found_soon_with_its_feature_and_since_when(population: Population):
    script = [Change(at_s=600, devices="d00007", shift={"sharpness": -4.0})]
    found = [(at_s, notice) for at_s, notices in looks(population, script, 1500) for notice in notices]
    at_s, first = found[0]
    assert first.what == "opened" and first.alert.kind == "drift" and first.alert.feature == "sharpness"
    assert first.alert.devices == ("d00007",)
    assert 600 < at_s <= 600 + 12 * 60
    assert len({notice.alert.devices for _, notice in found}) == 1


def test_a_drift_that_is_over_is_closed(population: Population):
    script = [Change(at_s=300, until_s=1500, devices="d00007", shift={"sharpness": -4.0})]
    notices = happenings(population, script, 3000, Rules(DriftRule(clear_windows=5), group=GroupRule(wait_s=0)))
    assert [n.what for n in notices if n.alert.feature == "sharpness"] == ["opened", "closed"]


def test_a_whole_line_is_one_alert(population: Population):
    script = [Change(at_s=300, site="site-1", line="line-2", shift={"brightness": -4.0})]
    notices = happenings(population, script, 1500, Rules(group=GroupRule(wait_s=120)))
    brightness = [n for n in notices if n.alert.feature == "brightness" and n.what == "opened"]
    assert len(brightness) == 1 and len(brightness[0].alert.devices) == 4


def test_a_device_that_goes_offline_is_missed_and_its_return_is_told(population: Population):
    script = [Change(at_s=300, until_s=900, devices="d00003", offline=True)]
    notices = happenings(population, script, 1500, Rules(quiet=QuietRule(after_s=180), group=GroupRule(wait_s=0)))
    assert [(n.what, n.alert.kind, n.alert.devices) for n in notices] == [
        ("opened", "quiet", ("d00003",)),
        ("closed", "quiet", ("d00003",)),
    ]


def test_drops_full_buffers_and_rolled_back_models_are_told(population: Population):
    script = [
        Change(at_s=300, devices="d00001", dropping=0.3),
        Change(at_s=300, devices="d00002", buffer_full=True),
        Change(at_s=300, devices="d00003", rolled_back=True),
    ]
    found = {(n.alert.kind, n.alert.devices): n.alert.text for n in happenings(population, script, 900)}
    assert found.keys() == {("drops", ("d00001",)), ("buffer", ("d00002",)), ("rollback", ("d00003",))}
    assert "p99 of 41.0 ms on trial" in found["rollback", ("d00003",)]


def test_a_gate_that_may_be_open_is_told_at_once_and_until_a_health_message_says_otherwise():
    store, now_ns = Store(None), START_NS
    alerting = Alerting(store, RULES, START_NS)
    told = []
    for seq, (boot, since_ns) in enumerate([("b1", 0), ("b1", START_NS - 10**9), ("b2", 0)]):
        told.append(
            [(n.what, n.alert.kind, n.alert.text) for n in look_at_gate(store, alerting, boot, seq, since_ns)]
        )
        now_ns += 10 * 10**9
    assert told[0] == []
    [(what, kind, text)] = told[1]
    assert (what, kind) == ("opened", "gate")
    assert text.startswith("gate may be open at bakery, 1 since 2023-11-1")
    assert text.endswith("line-1 (modbus://plc: cannot be reached)")
    assert [(what, kind) for what, kind, _ in told[2]] == [("closed", "gate")]


def look_at_gate(store: Store, alerting: Alerting, boot: str, seq: int, since_ns: int) -> list[Notice]:
    """Notices after a health message and an event of a device whose gate may be open since then (0: is closed)."""
    head = Identity("line-1", "bakery", "1", boot, "cookie", 1, ()).head(seq)
    state = GateState({}, (0,), (), "modbus://plc: cannot be reached" if since_ns else "", open_since_ns=since_ns)
    none = Latency(0, 0, 0, 0)
    health = Health(
        **head, captured=0, decided=0, dropped={}, latency_us=none, rate_fps=0, buffer=BufferDepth(0, 0, 0, 0),
        rss_bytes=0, uptime_s=0, gate=state,
    )  # fmt: skip
    event = EventMessage(**head, camera=GATE, fault=MAY_BE_OPEN, active=since_ns > 0, since_ns=since_ns)
    at_ns = START_NS + seq * 10 * 10**9
    store.accept(
        Arrival(topic("edge", "line-1", kind_of(message), ""), encode(message), at_ns) for message in (health, event)
    )
    return alerting.look(at_ns)


def test_a_restart_in_the_midst_of_a_drift_forgets_nothing(population: Population):
    store = Store(None)
    script = [Change(at_s=60, devices="d00007", shift={"sharpness": -4.0})]
    fleet = SimulatedFleet(OPTIONS, script, start_wall_ns=START_NS, population=population)
    sent = list(fleet.messages(900))
    store.accept(Arrival(s.message.topic, s.message.payload, START_NS + round(s.at_s * 1e9)) for s in sent)
    now_ns = START_NS + 901 * 10**9
    opened = Alerting(store, RULES, now_ns).look(now_ns)
    assert [n.alert.devices for n in opened if n.alert.feature == "sharpness"] == [("d00007",)]
    assert Alerting(store, RULES, now_ns).look(now_ns) == []
