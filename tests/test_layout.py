"""The top level holds what it should, tests mirror what they test, and every finding has its form."""

from __future__ import annotations

import ast
import os
import re
import statistics
import subprocess
from collections import Counter
from collections.abc import Iterator
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


def entries(folder: str) -> set[str]:
    """What a newcomer sees of a folder at first sight."""
    return {path.removeprefix(f"{folder}/").partition("/")[0] for path in tracked() if path.startswith(f"{folder}/")}


WINGS = sorted(name for name in entries("edge") if (ROOT / "edge" / name).is_dir())


def test_the_product_shows_few_entries() -> None:
    assert len(entries("edge")) <= 15


@pytest.mark.parametrize("folder", ["converter", *(f"edge/{wing}" for wing in WINGS if wing != "cli")])
def test_a_wing_shows_few_entries(folder: str) -> None:
    assert 0 < len(entries(folder)) <= 20


SOURCES = {
    path: (ROOT / path).read_text("utf-8") for path in tracked() if re.match(r"(edge|converter)/.*\.py$", path)
}
TREES = {path: ast.parse(text) for path, text in SOURCES.items()}


def test_files_and_functions_are_short() -> None:
    functions = [node for tree in TREES.values() for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert {path for path, text in SOURCES.items() if len(text.splitlines()) > 400} == set()
    assert statistics.median(node.end_lineno - node.lineno + 1 for node in functions if node.end_lineno) <= 7


def named(tree: ast.Module) -> Iterator[str]:
    """Public classes, and names given to types."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if re.match(r"[A-Z]\w*[a-z]", name):
                yield name


def test_a_public_class_name_means_one_thing() -> None:
    counts = Counter(name for tree in TREES.values() for name in named(tree) if not name.startswith("_"))
    assert {name for name, count in counts.items() if count > 1} == set()


def docstrings(tree: ast.Module) -> Iterator[str]:
    """Docstrings, and those of attributes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.value.value


def test_docstrings_begin_with_a_noun_or_a_verb() -> None:
    begins = re.compile(r"\s*(Of|That|As|To|What|How|Who)\b")
    assert {path: text for path, tree in TREES.items() for text in docstrings(tree) if begins.match(text)} == {}


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
