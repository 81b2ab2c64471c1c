"""The documentation's Python examples and configuration are run as they stand."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import typing
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import cv2
import pytest

from edge.device.config import Config, load_config
from edge.inference.artifact.artifact import REFERENCE
from edge.sim import SimulatedLine

ROOT = Path(__file__).resolve().parents[2]
READMES = [
    "README.md",
    "deploy/mosquitto/README.md",
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "edge").rglob("README.md")),
]
DEPLOY = [
    "deploy/README.md",
    *(f"deploy/{room}/README.md" for room in ("compose", "mosquitto", "provision", "systemd")),
]

CONFIG = """
[device]
id = "doc"
[source]
uri = "sim://line?count=20&pace=fast"
[model]
path = "cookie.tflite"
"""


def examples(language: str) -> list[tuple[str, str]]:
    found = []
    for name in READMES:
        blocks = re.findall(rf"^```{language}\n(.*?)^```", (ROOT / name).read_text("utf-8"), re.DOTALL | re.MULTILINE)
        found += [(f"{name}:{number}", block) for number, block in enumerate(blocks)]
    return found


@pytest.fixture(scope="module")
def place(
    tmp_path_factory: pytest.TempPathFactory, make_artifact: Callable[..., bytes], drift_reference: bytes
) -> Path:
    """A folder with all that the examples name: cookie.tflite, photos/, edge.toml."""
    folder = tmp_path_factory.mktemp("documentation")
    (folder / "cookie.tflite").write_bytes(make_artifact(files={REFERENCE: drift_reference}))
    (folder / "edge.toml").write_text(CONFIG, "utf-8")
    (folder / "photos").mkdir()
    line = SimulatedLine.from_uri("sim://line?seed=3")
    for number in range(3):
        cv2.imwrite(str(folder / "photos" / f"{number}.png"), line.image(number))
    shutil.copy(folder / "photos" / "0.png", folder / "photos" / "cookie.png")
    return folder


@pytest.mark.parametrize(("where", "code"), examples("python"), ids=lambda value: value if ":" in value[:40] else "")
def test_every_python_example_runs(place: Path, where: str, code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{where}: {done.stderr}"
    assert done.stdout or "assert" in code


def test_the_example_configuration_is_valid(tmp_path: Path) -> None:
    blocks = examples("toml")
    assert blocks
    for _, text in blocks:
        path = tmp_path / "edge.toml"
        path.write_text(text, "utf-8")
        assert load_config(path).device.id


def test_every_setting_is_documented_with_its_default() -> None:
    text = (ROOT / "edge" / "device" / "README.md").read_text("utf-8")
    for section in fields(Config):
        for setting in fields(_section(section.name)):
            assert f"`{section.name}.{setting.name}`" in text


def test_no_setting_is_documented_that_does_not_exist() -> None:
    text = (ROOT / "edge" / "device" / "README.md").read_text("utf-8")
    known = {f"{section.name}.{s.name}" for section in fields(Config) for s in fields(_section(section.name))}
    names = {section.name for section in fields(Config)}
    documented = {name for name in re.findall(r"`([a-z]+\.[a-z_]+)`", text) if name.split(".")[0] in names}
    assert documented - known <= {"decide.py", "model.py"}


def test_a_readme_is_short() -> None:
    folders = ("edge", "converter", "firmware_stubs", "deploy", "tests", "findings")
    readmes = [ROOT / "README.md", *(path for folder in folders for path in (ROOT / folder).rglob("README.md"))]
    words = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").split()) for path in readmes}
    assert {path: count for path, count in words.items() if count > 1500} == {}


def test_the_glossary_is_short() -> None:
    glossary = (ROOT / "edge" / "README.md").read_text("utf-8").split("\n## Words\n")[1]
    assert 0 < len(re.findall(r"^\| [a-z ]+ \| (?!meaning)", glossary, re.MULTILINE)) <= 25


def test_links_between_the_readmes_lead_somewhere() -> None:
    folders = ("edge", "converter", "firmware_stubs", "deploy", "tests")
    readmes = [ROOT / "README.md", *(path for folder in folders for path in (ROOT / folder).rglob("README.md"))]
    assert len(readmes) > len(DEPLOY)
    for readme in readmes:
        for target in re.findall(r"\]\(([^)#:]+)\)", readme.read_text("utf-8")):
            assert (readme.parent / target).exists(), f"{readme.relative_to(ROOT)} → {target}"


def _section(name: str) -> type:
    hints = typing.get_type_hints(Config)
    section: type = hints[name]
    return typing.get_args(section)[0] if typing.get_origin(section) is tuple else section
