"""Pins for gpiozero whose levels are files: another process sees them, and a killed one leaves them as they were.

gpiozero finds :class:`FilePinFactory` by its entry points, as it finds those of other packages; see :func:`offer`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from gpiozero.pins.mock import MockFactory, MockPin

ROOT = Path(__file__).resolve().parents[2]
FOLDER = "EDGE_PINS"


class FilePin(MockPin):
    """``GPIO17`` in the folder of the environment's ``EDGE_PINS``: 0 or 1."""

    def _set_state(self, value: Any) -> None:
        super()._set_state(value)
        (Path(os.environ[FOLDER]) / self.info.name).write_text(str(int(value)))


class FilePinFactory(MockFactory):
    def __init__(self) -> None:
        super().__init__(pin_class=FilePin)


def offer(folder: Path) -> dict[str, str]:
    """The environment of a process that is to use such pins in ``folder``."""
    about = folder / "file_pins-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: file-pins\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(
        "[gpiozero_pin_factories]\nfiles = tests.support.file_pins:FilePinFactory\n"
    )
    return {
        **os.environ,
        "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}",
        "GPIOZERO_PIN_FACTORY": "files",
        FOLDER: str(folder),
    }
