"""What a simulated fleet sends is what real devices would send."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace

import pytest

from edge.drift import decode_pane, judge
from edge.monitor.subscriber.decode import Arrival, read
from edge.protocol.messages import Drift, Health, Message, SlotsMessage, Stats, StatusMessage
from edge.sim.fleet import Change, FleetOptions, Hostility, Population, Sent, SimulatedFleet

OPTIONS = FleetOptions(devices=12, sites=2, lines=3, interval_s=10, samples=100, pool=5)


def fleet_of(population: Population, *script: Change, options: FleetOptions = OPTIONS) -> SimulatedFleet:
    return SimulatedFleet(options, script, start_wall_ns=1_700_000_000_000_000_000, population=population)


def received(sent: list[Sent]) -> list[Message]:
    """As a monitor reads them: topic, schema, sender."""
    return [read("edge", Arrival(one.message.topic, one.message.payload)) for one in sent]


def test_every_message_is_one_that_a_monitor_takes(population: Population):
    sent = list(fleet_of(population).messages(39.9))
    kinds = Counter(type(message) for message in received(sent))
    assert kinds == {StatusMessage: 12, SlotsMessage: 12, Drift: 36, Stats: 36, Health: 36}


def test_messages_come_in_order_of_time_and_spread_over_the_interval(population: Population):
    times = [one.at_s for one in fleet_of(population).messages(30)]
    assert times == sorted(times)
    assert len({at_s for at_s in times if 10 <= at_s < 20}) == 12


def test_keys_never_repeat(population: Population):
    script = Change(at_s=15, until_s=38, devices="d0000?", offline=True)
    messages = received(list(fleet_of(population, script).messages(60)))
    keys = Counter((type(m), m.device, m.boot_id, m.seq) for m in messages)
    assert max(keys.values()) == 1


def test_a_monitor_reckons_the_same_verdict_from_the_statistics(population: Population):
    script = Change(at_s=0, devices="d00003", shift={"sharpness": -3.0})
    messages = received(list(fleet_of(population, script).messages(20)))
    drift = next(m for m in messages if isinstance(m, Drift) and m.device == "d00003")
    stats = next(m for m in messages if isinstance(m, Stats) and m.device == "d00003" and m.seq == drift.seq)
    again = judge(decode_pane(stats.pane, population.reference), alpha=0.001)
    assert drift.drifted and drift.columns[0].name == "sharpness"
    assert [(c.name, c.statistic, c.p_value) for c in drift.columns] == [
        (c.name, c.statistic, c.p_value) for c in again.columns
    ]


def test_health_adds_up(population: Population):
    script = Change(at_s=12, devices="d00001", dropping=0.2, buffer_full=True)
    messages = received(list(fleet_of(population, script).messages(40)))
    healths = [m for m in messages if isinstance(m, Health)]
    assert all(m.captured == m.decided + sum(m.dropped.values()) for m in healths)
    late = [m for m in healths if m.device == "d00001"][-1]
    assert sum(late.dropped.values()) / late.captured == pytest.approx(0.2, abs=0.01)
    assert late.buffer.evicted_undelivered > 0
    assert {m.buffer.pending for m in healths if m.device != "d00001"} == {0}


def test_a_device_that_was_offline_says_so_and_sends_its_windows_later(population: Population):
    script = Change(at_s=15, until_s=45, devices="d00000", offline=True)
    mine = [m for m in received(list(fleet_of(population, script).messages(60))) if m.device == "d00000"]
    assert [m.state for m in mine if isinstance(m, StatusMessage)] == ["online", "offline", "online"]
    assert [m.seq for m in mine if isinstance(m, Stats)] == list(range(6))
    ends = [m.window.end_ns for m in mine if isinstance(m, Drift)]
    assert {later - sooner for sooner, later in itertools.pairwise(ends)} == {10_000_000_000}


def test_a_model_that_is_rolled_back_is_told_once_with_the_reason(population: Population):
    script = Change(at_s=25, line="line-2", rolled_back=True)
    messages = received(list(fleet_of(population, script).messages(60)))
    outcomes = [m for m in messages if isinstance(m, SlotsMessage) and m.outcome]
    assert {m.line for m in outcomes} == {"line-2"} and len(outcomes) == 4
    assert {m.outcome.result for m in outcomes if m.outcome} == {"rolled back"}


def test_the_same_seed_gives_the_same_messages_and_another_one_others(population: Population):
    first, second = (list(fleet_of(population).messages(20)) for _ in range(2))
    other = list(fleet_of(population, options=replace(OPTIONS, seed=9)).messages(20))
    assert first == second
    assert first != other


def test_the_truth_says_who_drifts_in_what_and_since_when(population: Population):
    script = (Change(at_s=20, site="site-2", shift={"red": 2.0}), Change(at_s=30, devices="d00004", defects=0.5))
    truth = fleet_of(population, *script).truth()
    assert {one.device for one in truth if one.features == ("red",)} == {f"d{n:05d}" for n in range(1, 12, 2)}
    assert [(one.what, one.at_s) for one in truth if one.device == "d00004"] == [(("defects",), 30)]


def test_devices_that_leave_say_so_once(population: Population):
    fleet = fleet_of(population)
    list(fleet.messages(4.9))
    said = received(list(fleet.farewell()))
    assert len(said) == 6 and all(isinstance(m, StatusMessage) and m.state == "offline" for m in said)
    assert not list(fleet.farewell())


def test_a_hostile_network_loses_nothing_and_adds_what_it_is_told(population: Population):
    plain = list(fleet_of(population).messages(60))
    hostility = Hostility(repeated=0.1, late=0.1, replayed=0.1, malformed=0.1, lying=0.1)
    disturbed = list(hostility.disturb(plain, seed=4))
    counts = Counter((one.message.topic, one.message.payload) for one in disturbed)
    assert all(counts[one.message.topic, one.message.payload] for one in plain)
    assert len(disturbed) > 1.2 * len(plain)
    first = {one.message: place for place, one in reversed(list(enumerate(disturbed)))}
    assert [one.message for one in plain] != sorted((one.message for one in plain), key=first.__getitem__)
