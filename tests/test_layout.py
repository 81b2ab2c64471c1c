"""The top level holds what it should, tests mirror what they test, and every finding has its form."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = {"edge", "converter", "tests", "firmware_stubs", "deploy", "findings", ".ci"}
FILES = {"pyproject.toml", "README.md", "Makefile", "LICENSE", "CHANGELOG.md", ".gitignore"}
FINDINGS = sorted((ROOT / "findings").glob("*.sh"))


def tracked() -> list[str]:
    """Paths that git knows or would take in."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for path in done.stdout.splitlines() if (ROOT / path).exists()]


def test_the_top_level_holds_nothing_else() -> None:
    assert {path.partition("/")[0] for path in tracked()} <= FOLDERS | FILES


def test_each_folder_of_unit_tests_mirrors_one_of_the_product() -> None:
    folders = {Path(path).parent for path in tracked() if re.match(r"tests/(edge|converter)/.*/test_\w+\.py$", path)}
    assert folders
    assert {str(folder) for folder in folders if not (ROOT / folder.relative_to("tests")).is_dir()} == set()


@pytest.mark.parametrize("path", FINDINGS, ids=lambda path: path.name)
def test_a_finding_says_what_was_guessed_and_seen_with_what_and_by_whom(path: Path) -> None:
    text = path.read_text("utf-8")
    assert os.access(path, os.X_OK)
    assert len(text.splitlines()) < 70
    said = re.findall(r"^# (Guess|Seen|With|Source|Meets): \S", text, re.MULTILINE)
    assert said == ["Guess", "Seen", "With", "Source", "Meets"]
    assert re.search(r"mktemp -d", text)
    assert not re.search(r"\b(from|import) (edge|converter)\b", text), "a finding runs without this product"
    assert f"| [{path.name}]({path.name}) |" in (ROOT / "findings" / "README.md").read_text("utf-8")
    if packages := re.findall(r"pip install (.+)", text):
        pins = [word for words in packages for word in words.split() if re.match(r"['\"]?[a-z]", word)]
        assert all("==" in word for word in pins), f"not pinned: {pins}"
