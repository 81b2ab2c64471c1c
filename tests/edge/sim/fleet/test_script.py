"""The script of a simulated fleet."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import ConfigError
from edge.sim.fleet import Change, load_script
from edge.sim.fleet.script import UNDISTURBED, condition


def written(folder: Path, text: str) -> Path:
    path = folder / "script.toml"
    path.write_text(text, "utf-8")
    return path


def test_a_script_names_devices_by_pattern_site_and_line(tmp_path: Path):
    path = written(
        tmp_path, '[[change]]\ndevices = "d0001?"\nline = "line-2"\nat_s = 5\nshift = { brightness = -2 }\n'
    )
    (change,) = load_script(path)
    assert change.concerns("d00012", "site-1", "line-2")
    assert not change.concerns("d00012", "site-1", "line-1")
    assert not change.concerns("d00022", "site-1", "line-2")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[[change]]\nat_s = 5\nshift = { brightnes = 1 }", "did you mean 'brightness'"),
        ("[[change]]\nat_s = 5\nuntil_s = 5", "until_s"),
        ("[[change]]\nshift = { blue = 1 }", "at_s: missing"),
        ("[[chang]]\nat_s = 5", "did you mean 'change'"),
        ("[[change", "not valid TOML"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, named: str):
    with pytest.raises(ConfigError, match=r"script\.toml: ") as caught:
        load_script(written(tmp_path, text))
    assert named in str(caught.value)


def test_a_missing_script_is_named(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"none\.toml: no such file"):
        load_script(tmp_path / "none.toml")


@given(st.floats(0, 1000), st.floats(0.1, 500), st.floats(0, 2000), st.floats(0, 100))
def test_a_ramp_only_rises(at_s: float, ramp_s: float, now_s: float, later_s: float):
    change = Change(at_s=at_s, ramp_s=ramp_s)
    before, after = change.strength(now_s), change.strength(now_s + later_s)
    assert 0 <= before <= after <= 1
    assert (before == 0) == (now_s < at_s)
    assert change.strength(at_s + ramp_s) == 1


def test_changes_of_one_device_add_up_and_end():
    changes = (
        Change(at_s=10, shift={"brightness": -1.0}),
        Change(at_s=20, until_s=30, shift={"brightness": -1.0, "blue": 2.0}, defects=0.5),
    )
    assert condition(changes, 5) == UNDISTURBED
    assert condition(changes, 15).shift == (("brightness", -1.0),)
    assert condition(changes, 25) == condition(changes, 29)
    assert condition(changes, 25).shift == (("blue", 2.0), ("brightness", -2.0))
    assert condition(changes, 25).defects == 0.5
    assert condition(changes, 30) == condition(changes, 15)


def test_the_example_of_the_documentation_is_a_script(tmp_path: Path):
    readme = (Path(__file__).parents[4] / "edge" / "sim" / "README.md").read_text("utf-8")
    lines = readme.split("## A simulated fleet")[1].split("\n## ")[0].splitlines()
    example = "\n".join(line for line in lines if line.startswith("    ") and not line.startswith("    edge "))
    first, second = load_script(written(tmp_path, example))
    assert first.shift == {"brightness": -2.0} and second.offline
