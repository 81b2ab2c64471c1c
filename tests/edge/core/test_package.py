"""A hint names what is installed, and where it came from."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from edge.core.package import install_hint, version


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """``installed("edgeline", url=…)``: the only distribution that holds ``edge``."""

    def make(name: str, version: str = "3.2.1", **origin: Any) -> None:
        about = tmp_path / f"{name.replace('-', '_')}-{version}.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (about / "top_level.txt").write_text("converter\nedge\n")
        if origin:
            (about / "direct_url.json").write_text(json.dumps(origin))
        monkeypatch.setattr(sys, "path", [str(tmp_path)])

    return make


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ({}, "pip install 'edgeline[gpio]'"),
        (
            {"url": "file:///opt/wheels/edgeline-3.2.1-py3-none-any.whl", "archive_info": {}},
            "pip install 'edgeline[gpio] @ file:///opt/wheels/edgeline-3.2.1-py3-none-any.whl'",
        ),
        (
            {"url": "https://me:secret@wheels.example/edgeline.whl", "archive_info": {}},
            "pip install 'edgeline[gpio] @ https://***@wheels.example/edgeline.whl'",
        ),
        (
            {"url": "file:///home/me/line", "dir_info": {"editable": True}},
            "pip install --editable '/home/me/line[gpio]'",
        ),
        ({"url": "file:///home/me/line", "dir_info": {}}, "pip install '/home/me/line[gpio]'"),
    ],
)
def test_the_hint_is_the_way_it_was_installed(installed: Any, origin: dict[str, Any], expected: str) -> None:
    installed("edgeline", **origin)
    assert install_hint("gpio") == expected
    assert version() == "3.2.1"


def test_a_plants_own_build_goes_by_its_own_name(installed: Any) -> None:
    installed("plant-edge")
    assert install_hint("modbus") == "pip install 'plant-edge[modbus]'"


def test_in_a_source_tree_nothing_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert install_hint("modbus") == "pip install 'edgeline[modbus]'"
    assert version() == ""


def test_a_damaged_note_of_the_origin_is_passed_over(installed: Any, tmp_path: Path) -> None:
    installed("edgeline", url="x")
    next(tmp_path.glob("*.dist-info/direct_url.json")).write_text("{")
    assert install_hint("gpio") == "pip install 'edgeline[gpio]'"
