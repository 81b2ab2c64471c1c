"""The README's Python example is run as it stands, and its options are those of the command."""

from __future__ import annotations

import argparse
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from converter import cli

README = Path(__file__).parents[2] / "converter" / "README.md"


@pytest.mark.slow
@pytest.mark.xdist_group("tensorflow processes")
def test_the_python_example_runs(tensorflow_python: Path, trained: Path, pictures: Path, tmp_path: Path) -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```", README.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    shutil.copy(trained, tmp_path / "cookie.keras")
    (tmp_path / "photos").symlink_to(pictures)
    done = subprocess.run([tensorflow_python, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "accuracy:" in done.stdout
    assert (tmp_path / "cookie.tflite").exists()
    assert (tmp_path / "cookie.html").exists()


def test_every_option_is_in_the_readme_and_every_command_line_is_understood() -> None:
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers()
    cli.add(commands)
    text = README.read_text("utf-8")
    lines = re.findall(r"^edge (convert .*)$", text, re.MULTILINE)
    assert lines
    for line in lines:
        assert parser.parse_args(shlex.split(line)).out == Path("cookie.tflite")
    options = {option for action in commands.choices["convert"]._actions for option in action.option_strings}
    rooms = "".join(path.read_text("utf-8") for path in README.parent.rglob("README.md"))
    documented = set(re.findall(r"`(--[a-z-]+)", rooms))
    assert documented <= options
    assert {option for option in options if option.startswith("--")} - documented == {"--help", "--out"}
