from __future__ import annotations

from pathlib import Path

import pytest

from edge.inference.parts import calibrate

BELT = "sim://line?trigger=free&pace=fast&width=640&height=160&defects=0.4&seed=6"
"""Several parts in view."""


@pytest.fixture(scope="session")
def belt_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A calibration of the moving belt, parts and all; how fast it moves is not in it."""
    path = tmp_path_factory.mktemp("belts") / "belt.json"
    calibrate(f"{BELT}&speed=600&count=60", frames=60).save(path)
    return path
