"""Which runtimes the artifact must run on, and which of them it was really run on."""

from __future__ import annotations

import re

from edge.core.versions import older
from edge.errors import ConfigError, ConversionError

OLDEST = "2.14.0"
"""tflite-runtime ends here, and devices with 32-bit systems have nothing newer."""

PYTHON = "EDGE_TFLITE_RUNTIME_PYTHON"
"""The Python of another environment with edgeline, where tflite-runtime works: it ends at Python 3.11 and numpy 1."""


def check_version(text: str) -> None:
    """Raises ConfigError for what is no version."""
    if not re.fullmatch(r"\d+(\.\d+){1,2}", text):
        raise ConfigError(f"--min-runtime {text!r}: expected a version such as {OLDEST}")


def check_stated(stated: str, oldest: str) -> None:
    """``stated``: the runtime that the model's operator versions need by its own word, or empty.

    Raises ConversionError when devices with the ``oldest`` runtime cannot run it.
    """
    if stated and older(oldest, stated):
        raise ConversionError(
            f"the model needs TFLite runtime {stated}, newer than {oldest}; give --min-runtime {stated} when no "
            "device has an older one"
        )


def untried(platforms: tuple[str, ...], oldest: str) -> list[str]:
    """Advice for the case that the oldest runtime was not among those that ran the model."""
    if older(OLDEST, oldest) or any(platform.startswith("tflite-runtime") for platform in platforms):
        return []
    return [
        f"not tried on tflite-runtime {OLDEST}, which this Python cannot run; set {PYTHON} to a Python 3.11 that has "
        f"edgeline, or give --min-runtime when no device has it"
    ]
