from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edge.parts import calibrate

BELT = "sim://line?trigger=free&pace=fast&width=640&height=160&defects=0.4"
"""Several parts in view."""


@pytest.fixture(scope="session")
def belt_file(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """``belt_file("sim://line?…")``: a calibration of the moving belt, parts and all."""
    folder = tmp_path_factory.mktemp("belts")

    def make(uri: str) -> Path:
        path = folder / f"{abs(hash(uri))}.json"
        if not path.exists():
            calibrate(f"{uri}&count=90", frames=90).save(path)
        return path

    return make
