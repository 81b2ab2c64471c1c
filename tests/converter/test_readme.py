"""The README's Python example is run as it stands."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "converter" / "README.md"


@pytest.mark.slow
def test_the_python_example_runs(trained: Path, pictures: Path, tmp_path: Path) -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```", README.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    shutil.copy(trained, tmp_path / "cookie.keras")
    (tmp_path / "photos").symlink_to(pictures)
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "accuracy:" in done.stdout
    assert (tmp_path / "cookie.tflite").exists()
