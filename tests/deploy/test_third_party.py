"""Every package that pip installs with this one is named with the licence that it states."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TABLE = dict(
    re.findall(
        r"^\| ([a-z0-9-]+) \| ([^|]+) \|", (ROOT / "deploy" / "THIRD_PARTY.md").read_text("utf-8"), re.MULTILINE
    )
)
WORDS = ("Apache", "BSD", "MIT", "EPL", "LGPL", "Unlicense")


def required() -> set[str]:
    """Names of packages in pyproject.toml, but for those of the tests."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = [wanted for extra, wanted in project["optional-dependencies"].items() if extra != "test"]
    return {re.split(r"[\[<>=; ]", text)[0] for wanted in [project["dependencies"], *extras] for text in wanted}


def stated(name: str) -> str:
    """Licence by the package's own metadata, with its classifiers."""
    about = metadata.metadata(name)
    classifiers = [text for text in about.get_all("Classifier") or [] if text.startswith("License")]
    return " ".join([about.get("License-Expression") or "", (about.get("License") or "")[:200], *classifiers])


def test_the_table_is_complete() -> None:
    assert set(TABLE) - {"package"} == required()


@pytest.mark.parametrize("name", sorted(required()))
def test_the_licence_is_the_one_that_the_package_states(name: str) -> None:
    try:
        text = stated(name)
    except metadata.PackageNotFoundError:
        assert name in ("lgpio", "tensorflow", "tflite-runtime"), "installed on other machines only"
        return
    assert [word for word in WORDS if re.search(rf"\b{word}\b", text)], text
    assert any(re.search(rf"\b{word}", TABLE[name]) for word in WORDS if re.search(rf"\b{word}\b", text)), text
