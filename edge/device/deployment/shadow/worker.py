"""Two models on the same pictures, in a process of their own: what a new model does there harms nobody.

Run as a program it is the child. Standard input: a line of JSON (:class:`ShadowModels`), then pictures, each as
height and width (two little-endian uint32) and H×W×3 bytes, BGR. Standard output: a line of JSON once both
models are loaded, and one for each picture.
"""

from __future__ import annotations

import json
import os
import resource
import struct
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from edge.core.choices import Colour, Range
from edge.core.structs import build, plain
from edge.device.deployment.shadow.comparison import ShadowAnswer
from edge.errors import ArtifactError, EdgeError
from edge.inference.artifact import Artifact
from edge.inference.artifact.describe import Given
from edge.inference.frames.frame import Image
from edge.inference.interpreter.child import MEMORY_BYTES
from edge.inference.interpreter.setup import Setup
from edge.inference.model import Model, open_unchecked
from edge.inference.tasks.classification import ClassificationRule
from edge.inference.tuning import SetupChoice

HEAD = struct.Struct("<II")
NICE = 5
"""The line goes first."""
_WARM_UP = 2


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model and how it is run."""

    path: Path
    setup: Setup
    labels: Path | None = None
    colour: Colour | None = None
    range: Range | None = None


@dataclass(frozen=True, slots=True)
class ShadowModels:
    """Description of the job for the child: the active model and the new one, and the rule by which parts are
    rejected."""

    active: ModelSpec
    new: ModelSpec
    reject: tuple[str, ...]
    min_score: float


def main() -> int:
    """One line on standard error and another status than 0 when a model is no good."""
    os.nice(NICE)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        cast = build(ShadowModels, json.loads(sys.stdin.buffer.readline()))
        rule = ClassificationRule(frozenset(cast.reject), cast.min_score)
        models = _load_active(cast.active, rule), _load(cast.new, rule)
        _say({"ready": True})
        while (picture := _read(sys.stdin.buffer)) is not None:
            _say([plain(_answer(model, picture)) for model in models])
    except (EdgeError, MemoryError, TypeError) as error:
        sys.stderr.write(f"{error or type(error).__name__}\n")
        return error.exit_status if isinstance(error, EdgeError) else ArtifactError.exit_status
    except Exception as error:  # a malformed model may be malformed in any way
        sys.stderr.write(f"the model cannot be used here ({type(error).__name__}: {error})\n")
        return ArtifactError.exit_status
    return 0


def _load_active(player: ModelSpec, rule: ClassificationRule) -> Model:
    try:
        return _load(player, rule)
    except ArtifactError as error:
        raise ArtifactError(f"there is nothing to measure it by: the active model does not load ({error})") from None


def _load(player: ModelSpec, rule: ClassificationRule) -> Model:
    given = Given(player.labels, player.colour, player.range)
    artifact = Artifact.load(player.path)
    model = open_unchecked(artifact, SetupChoice(player.setup, "as on the line"), rule, given)
    blank = np.zeros((model.description.input.height, model.description.input.width, 3), np.uint8)
    for _ in range(_WARM_UP):
        model.predict(blank)
    return model


def _answer(model: Model, picture: Image) -> ShadowAnswer:
    began_ns = time.monotonic_ns()
    decision = model.predict(picture)
    return ShadowAnswer(decision.label, decision.reject, (time.monotonic_ns() - began_ns) // 1000)


def _read(stream: BinaryIO) -> Image | None:
    head = stream.read(HEAD.size)
    if len(head) < HEAD.size:
        return None
    height, width = HEAD.unpack(head)
    data = stream.read(height * width * 3)
    return np.frombuffer(data, np.uint8).reshape(height, width, 3) if len(data) == height * width * 3 else None


def _say(value: object) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
