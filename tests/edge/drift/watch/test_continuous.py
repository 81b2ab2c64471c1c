from __future__ import annotations

import numpy as np
import pytest

from edge.drift import ContinuousWatch, Pane, Reference
from edge.drift.watch.continuous import LEARN, Alarm, PaneResult, groups_of, plainest_first

SIZE = 50


def watch(reference: Reference, **options: float) -> ContinuousWatch:
    return ContinuousWatch(reference, 20_000, SIZE, **options)  # type: ignore[arg-type]


def panes(draw, reference: Reference, count: int, seed: int, change=lambda samples: None) -> list[Pane]:
    samples = draw(count * SIZE, seed)
    change(samples)
    return [samples.pane(reference, start, start + SIZE) for start in range(0, count * SIZE, SIZE)]


@pytest.fixture(scope="module")
def reference(draw) -> Reference:
    return draw(1000, seed=1).reference()


@pytest.fixture(scope="module")
def quiet(draw, reference: Reference) -> list[Pane]:
    return panes(draw, reference, 150, seed=2)


def follow(watcher: ContinuousWatch, sequence: list[Pane]) -> list[PaneResult]:
    return [watcher.add(pane) for pane in sequence]


def test_it_learns_first_and_then_keeps_quiet_on_an_undisturbed_line(reference: Reference, quiet: list[Pane]) -> None:
    found = follow(watch(reference), quiet)

    begun = next(number for number, one in enumerate(found) if not one.learning)
    assert LEARN <= begun <= 1.5 * LEARN
    assert not any(one.learning for one in found[begun:])
    assert not any(one.columns for one in found)
    assert 0 < found[-1].evidence < 1


@pytest.mark.parametrize(("moved", "within"), [(2.5, 25), (5.0, 8), (20.0, 2), (-20.0, 2)])
def test_a_moved_feature_alarms_with_its_name_its_onset_and_its_direction(
    draw, reference: Reference, quiet: list[Pane], moved: float, within: int
) -> None:
    def change(samples) -> None:
        samples.features[:, 2] += moved

    watcher = watch(reference)
    follow(watcher, quiet)
    found = follow(watcher, panes(draw, reference, within, 3, change))

    alarm = next(one for one in found if one.alarm)
    first = alarm.columns[0]
    assert first.name == "sharpness"
    assert first.shift * moved > 0
    assert first.evidence >= 1
    # The second draw's numbers begin anew; a run of evidence may reach back into the quiet panes a little.
    assert first.since_seq <= SIZE or first.since_seq >= 145 * SIZE


def test_a_wider_feature_with_the_same_mean_is_found(draw, reference: Reference, quiet: list[Pane]) -> None:
    def change(samples) -> None:
        samples.features[:, 1] = 100 + 3 * (samples.features[:, 1] - 100)

    watcher = watch(reference)
    follow(watcher, quiet)
    found = follow(watcher, panes(draw, reference, 10, 3, change))

    assert next(one for one in found if one.alarm).columns[0].name == "contrast"


def test_changed_class_shares_are_found(draw, reference: Reference, quiet: list[Pane]) -> None:
    def change(samples) -> None:
        samples.predicted[::4] = 2

    watcher = watch(reference)
    follow(watcher, quiet)
    found = follow(watcher, panes(draw, reference, 12, 3, change))

    alarm = next(one for one in found if one.alarm)
    assert "predicted:burnt" in {column.name for column in alarm.columns}


def test_a_class_never_seen_before_alarms_after_a_few(draw, reference: Reference, quiet: list[Pane]) -> None:
    def without(samples) -> None:
        samples.predicted[samples.predicted == 4] = 0

    def change(samples) -> None:
        without(samples)
        samples.predicted[::40] = 4

    known = draw(1000, seed=1)
    without(known)
    watcher = watch(known.reference())
    follow(watcher, panes(draw, known.reference(), 120, 2, without))
    found = follow(watcher, panes(draw, known.reference(), 8, 3, change))

    alarm = next(one for one in found if one.columns)
    assert alarm.columns[0].name == "predicted:bare"


def test_a_change_too_small_to_matter_is_said_and_does_not_alarm(
    draw, reference: Reference, quiet: list[Pane]
) -> None:
    def change(samples) -> None:
        samples.features[:, 0] += 2.0

    watcher = watch(reference, min_effect=0.3)
    follow(watcher, quiet)
    found = follow(watcher, panes(draw, reference, 40, 3, change))

    said = [column for one in found for column in one.columns]
    assert {column.name for column in said} == {"brightness"}
    assert all(column.small and column.effect < 0.3 for column in said)
    assert not any(one.alarm for one in found)


def test_what_lasts_alarms_again_and_again(draw, reference: Reference, quiet: list[Pane]) -> None:
    def change(samples) -> None:
        samples.features[:, 0] += 15.0

    watcher = watch(reference)
    follow(watcher, quiet)
    found = follow(watcher, panes(draw, reference, 30, 3, change))

    assert sum(one.alarm for one in found) >= 8
    assert any(one.alarm for one in found[-4:])


def test_neighbours_that_resemble_each_other_are_taken_together(draw, reference: Reference) -> None:
    def change(samples) -> None:
        # A light that wanders slowly: half of the variance is the same for 200 samples.
        slow = np.random.default_rng(4).normal(0, 10, len(samples.features) // 200 + 1).repeat(200)
        samples.features[:, 0] += slow[: len(samples.features)]

    watcher = watch(reference)
    found = follow(watcher, panes(draw, reference, 400, 3, change))

    assert watcher.group > 1
    assert not found[-1].learning
    assert sum(one.alarm for one in found) <= 1


def test_a_line_that_never_settles_is_never_watched_and_takes_no_more_memory(
    monkeypatch, reference: Reference
) -> None:
    monkeypatch.setattr("edge.drift.watch.continuous.MAX_LEARNT", 100)
    watcher, rng, level = watch(reference), np.random.default_rng(0), 100.0
    for start in range(0, 300 * SIZE, SIZE):
        level += rng.normal(0, 2)
        pane = Pane(reference)
        for seq in range(start, start + SIZE):
            features = rng.normal(100, 10, len(reference.features))
            features[0] = level
            pane.add(features, None, 0, seq)
        assert watcher.add(pane).learning
    assert len(watcher._learnt) == 100


def test_too_few_panes_for_their_likeness_ask_for_more() -> None:
    rng = np.random.default_rng(0)
    alike = np.cumsum(rng.normal(0, 1, (60, 2, 4)), axis=0)
    assert groups_of(alike) is None
    assert groups_of(rng.normal(0, 1, (60, 2, 4))) == 1


def test_missing_pictures_are_no_evidence(draw, reference: Reference, quiet: list[Pane]) -> None:
    watcher = watch(reference)
    follow(watcher, quiet)
    blind = Pane(reference)
    for seq in range(SIZE):
        blind.add(None, None, 0, seq)

    assert not watcher.add(blind).alarm


def test_alarms_name_the_plain_before_what_follows_from_it_and_marks_last(
    draw, reference: Reference, quiet: list[Pane]
) -> None:
    def dim(samples) -> None:
        samples.features[:, [0, 4, 5]] -= 40.0

    watcher = watch(reference)
    follow(watcher, quiet)
    found = next(one for one in follow(watcher, panes(draw, reference, 5, 3, dim)) if one.alarm)

    assert [(alarm.name, alarm.kind) for alarm in found.columns] == [
        (name, "data") for name in ("brightness", "blue", "green", "outlying")
    ]


def alarm(
    name: str, effect: float, kind: str, shift: float = 0.0, evidence: float = 1.0, small: bool = False
) -> Alarm:
    return Alarm(name, evidence, effect, shift, 0, small, kind)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("alarms", "names"),
    [
        ([alarm("red", 0.9, "data"), alarm("predicted:bad", 0.7, "target", 0.95)], ["predicted:bad", "red"]),
        ([alarm("red", 1.0, "data"), alarm("predicted:bad", 0.7, "target", 0.8)], ["red", "predicted:bad"]),
        ([alarm("red", 0.3, "data"), alarm("score:bad", 0.6, "target")], ["score:bad", "red"]),
        ([alarm("red", 0.05, "data", small=True), alarm("uncertain", 0.9, "target")], ["uncertain", "red"]),
        ([alarm("red", 0.2, "data"), alarm("blue", 0.2, "data", evidence=9.0)], ["red", "blue"]),
        (
            [alarm("red", 0.9, "data"), *(alarm(n, 0.2, "data", evidence=e) for n, e in (("a", 1), ("b", 2)))],
            "red b a",
        ),
        ([], []),
    ],
)
def test_the_order_of_alarms(alarms: list[Alarm], names: list[str] | str) -> None:
    expected = names.split() if isinstance(names, str) else names
    assert [one.name for one in plainest_first(alarms)] == expected
