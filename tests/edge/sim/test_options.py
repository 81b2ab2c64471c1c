"""The URI of a simulated line."""

from __future__ import annotations

import pytest

from edge.errors import ConfigError
from edge.sim.options import DEFECTS, LABELS, LineOptions, Schedule, parse


def test_the_plain_uri_gives_the_defaults():
    assert parse("sim://line") == LineOptions()


def test_every_option_is_converted_to_its_type():
    uri = (
        "sim://line?seed=7&fps=12.5&count=9&width=640&height=480&pace=fast&trigger=free&speed=50"
        "&light=0.5&blur=2&noise=0&cast=1.2,1,0.8&defects=0.4&kinds=burnt,broken&at=4:blur=1"
    )
    assert parse(uri) == LineOptions(
        seed=7, fps=12.5, count=9, width=640, height=480, pace="fast", trigger="free", speed=50.0,
        light=0.5, blur=2.0, noise=0.0, cast=(1.2, 1.0, 0.8), defects=0.4, kinds=("burnt", "broken"),
        at=("4:blur=1",),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("sim://line?lihgt=1", ["lihgt", "unknown key", "'light'"]),
        ("sim://line?seed=x", ["seed", "whole number", "'x'"]),
        ("sim://line?seed=-1", ["seed", "0", "-1"]),
        ("sim://line?fps=nan", ["fps", "0.01", "nan"]),
        ("sim://line?defects=1.5", ["defects", "from 0 to 1", "1.5"]),
        ("sim://line?kinds=burnd", ["kinds[0]", "'burnd'", "'burnt'"]),
        ("sim://line?cast=1,2", ["cast", "three gains", "1,2"]),
        ("sim://line?cast=1,2,9", ["cast", "from 0 to 4", "1,2,9"]),
        ("sim://line?pace=slow", ["pace", "'real' or 'fast'", "'slow'"]),
        ("sim://line?light=1&light=2", ["light", "given twice"]),
        ("sim://line?light", ["light", "a number", "''"]),
        ("sim://belt", ["sim://belt", "expected sim://line"]),
        ("sim://line/x?seed=1", ["sim://line/x", "expected sim://line"]),
        ("sim://line?at=light=1", ["at", "PART:key=value", "'light=1'"]),
        ("sim://line?at=-3:light=1", ["at", "PART:key=value"]),
        ("sim://line?at=5:lihgt=1", ["at=5", "lihgt", "'light'"]),
        ("sim://line?at=5:width=64", ["at=5", "width", "unknown key"]),
        ("sim://line?at=5:light=dim", ["at=5", "light", "a number", "'dim'"]),
        ("sim://line?at=5:", ["at=5", "unknown key"]),
        ("sim://line?at=5:cast=1", ["at=5", "cast", "three gains"]),
    ],
)
def test_a_mistake_names_the_key_what_was_expected_and_what_came(uri: str, words: list[str]):
    with pytest.raises(ConfigError) as caught:
        parse(uri)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def test_no_kind_of_defect_at_all_is_refused():
    with pytest.raises(ConfigError, match="kinds: expected at least one"):
        LineOptions(kinds=())


def test_the_script_changes_conditions_from_its_part_on():
    schedule = Schedule(parse("sim://line?at=600:blur=2;cast=1,1,0.8&at=400:light=0.55&at=600:light=1"))
    assert [schedule(part).light for part in (0, 399, 400, 599, 600)] == [1.0, 1.0, 0.55, 0.55, 1.0]
    assert [schedule(part).blur for part in (0, 599, 600, 10**9)] == [0.0, 0.0, 2.0, 2.0]
    assert schedule(600).cast == (1.0, 1.0, 0.8)


def test_the_script_may_change_the_kinds_of_defect():
    schedule = Schedule(parse("sim://line?kinds=cracked&at=10:kinds=burnt,broken;defects=1"))
    assert schedule(9).kinds == ("cracked",)
    assert schedule(10).kinds == ("burnt", "broken")


def test_labels_are_whole_and_every_defect():
    assert LABELS == ("whole", "cracked", "burnt", "broken", "missing_topping")
    assert LABELS[1:] == DEFECTS
