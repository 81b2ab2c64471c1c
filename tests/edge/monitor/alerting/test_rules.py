"""The file of alert rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.errors import ConfigError
from edge.monitor.alerting import load_rules


def written(folder: Path, text: str) -> Path:
    path = folder / "alerts.toml"
    path.write_text(text, "utf-8")
    return path


def test_an_empty_file_holds_the_defaults(tmp_path: Path):
    rules = load_rules(written(tmp_path, ""))
    assert rules.drift.false_alarms_per_week == 1.0
    assert rules.webhook == () and rules.silence == ()


def test_files_are_relative_to_the_rules(tmp_path: Path):
    rules = load_rules(written(tmp_path, '[[webhook]]\nurl = "https://example.com/x"\nsecret_file = "hook.secret"\n'))
    assert rules.webhook[0].secret_file == tmp_path / "hook.secret"


def test_a_silence_ends_when_it_says(tmp_path: Path):
    rules = load_rules(written(tmp_path, '[[silence]]\nline = "line-2"\nuntil = 2026-05-01T06:00:00+00:00\n'))
    at_ns = 1_777_615_200 * 10**9
    assert rules.silenced("drift", "blue", "a", "line-2", at_ns - 1)
    assert not rules.silenced("drift", "blue", "a", "line-3", at_ns - 1)
    assert not rules.silenced("drift", "blue", "a", "line-2", at_ns)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[drft]", "did you mean 'drift'"),
        ("[drift]\nfalse_alarms_per_week = 0", "false_alarms_per_week: expected a number from"),
        ('[[silence]]\nkind = "drif"', "silence[0].kind: unknown kind 'drif'; did you mean 'drift'"),
        ("[[silence]]\nuntil = 2026-05-01T06:00:00", "expected a time with its zone"),
        ('[[webhook]]\nurl = "example.com"', "webhook[0].url: expected https://host/path"),
        ('[[email]]\nhost = "h"\nsender = "me"\nto = ["a@b"]', "email[0]: expected an address"),
        ('[[email]]\nhost = "h"\nsender = "a@b"\nto = ["a@b"]\nuser = "u"', "go together"),
        ("[drops]\nclear_share = 0.5", "drops.clear_share: expected at most drops.share"),
        ("[drift", "not valid TOML"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, named: str):
    with pytest.raises(ConfigError, match=r"alerts\.toml: ") as caught:
        load_rules(written(tmp_path, text))
    assert named in str(caught.value)


def test_missing_rules_are_named(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"none\.toml: no such file"):
        load_rules(tmp_path / "none.toml")


def test_every_setting_is_documented():
    import edge.monitor.alerting.rules as rules

    text = Path(rules.__file__).with_name("README.md").read_text("utf-8")
    assert [name for name in rules.settings() if f"`{name}`" not in text] == []


def test_the_example_of_the_documentation_holds(tmp_path: Path):
    import edge.monitor.alerting.rules as rules

    text = Path(rules.__file__).with_name("README.md").read_text("utf-8")
    loaded = load_rules(written(tmp_path, text.split("```")[1]))
    assert loaded.silence[0].site == "site-2" and loaded.webhook[0].url.startswith("https://")
