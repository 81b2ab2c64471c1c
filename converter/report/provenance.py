"""Provenance of a conversion, so that anyone can make it again."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from converter.data.samples import PixelSamples
from converter.settings import Settings

_PACKAGES = ("edgeline", "tensorflow", "keras", "numpy", "opencv-python", "ai-edge-litert", "tflite-runtime")
_OPTIONS = {"evaluation": "eval", "version": "model-version", "c_array": "c-array"}
"""Settings whose option has another name."""


@dataclass(frozen=True, slots=True)
class Provenance:
    command: str
    """The command line that does the same."""
    seed: int
    model_sha256: str
    """SHA-256 of the model file, of all files of a SavedModel folder, or of the weights of a model in memory."""
    data_sha256: str
    """SHA-256 of the labels and decoded pixels of all pictures, whatever their names and order."""
    versions: dict[str, str]
    machine: str


def provenance(
    model: Path,
    data: Path,
    out: Path,
    settings: Settings,
    samples: PixelSamples,
    weights: Sequence[Any] | None = None,
) -> Provenance:
    """``samples`` are all pictures that were used; ``weights`` those of a model in memory, which ``model`` names."""
    return Provenance(
        command=command(model, data, out, settings),
        seed=settings.seed,
        model_sha256=_digest_of_files(model) if weights is None else _digest_of_weights(weights),
        data_sha256=_digest_of_data(samples),
        versions={"python": platform.python_version()} | _versions(),
        machine=f"{platform.system()} {platform.machine()}",
    )


def command(model: Path, data: Path, out: Path, settings: Settings) -> str:
    """The ``edge convert`` that means these settings; what is left at its default is left out."""
    words = ["edge", "convert", str(model), "--data", str(data), "-o", str(out)]
    for field in fields(settings):
        value = getattr(settings, field.name)
        if value == field.default:
            continue
        option = "--" + _OPTIONS.get(field.name, field.name.replace("_", "-"))
        # With an equals sign, because -1..1 would look like an option.
        words.append(option if value is True else f"{option}={value}")
    return shlex.join(words)


def created(model: Path | None) -> str:
    """When the trained model was last written, or SOURCE_DATE_EPOCH where that is set; ISO 8601, UTC.

    Now, for a model in memory.

    Not the time of the conversion: the same input is to give the same bytes.
    """
    given = os.environ.get("SOURCE_DATE_EPOCH", "")
    if given.isdecimal():
        seconds = int(given)
    else:
        seconds = int(max(file.stat().st_mtime for file in _files(model)) if model else time.time())
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _files(model: Path) -> list[Path]:
    return [path for path in sorted(model.rglob("*")) if path.is_file()] if model.is_dir() else [model]


def _digest_of_files(model: Path) -> str:
    digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in _files(model)]
    return digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _digest_of_weights(weights: Sequence[Any]) -> str:
    digest = hashlib.sha256()
    for values in weights:
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


def _digest_of_data(samples: PixelSamples) -> str:
    pairs = zip(samples.digests, samples.classes, strict=True)
    lines = [f"{digest} {samples.labels[index]}\n" for digest, index in pairs]
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        for package in (name, f"{name}-cpu"):
            try:
                found[name] = importlib.metadata.version(package)
            except importlib.metadata.PackageNotFoundError:
                continue
            break
    return found
