"""Two models on the same pictures, in a process of their own: what a new model does there harms nobody.

Run as a program it is the child. Standard input: a line of JSON (:class:`Cast`), then pictures, each as height and
width (two little-endian uint32) and H×W×3 bytes, BGR. Standard output: a line of JSON once both models are loaded,
and one for each picture.
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

from edge.artifact import Artifact
from edge.artifact.describe import Given
from edge.choices import Colour, Range
from edge.decide import Rule
from edge.errors import ArtifactError, EdgeError
from edge.frames.frame import Image
from edge.interpreter.child import MEMORY_BYTES
from edge.interpreter.setup import Setup
from edge.model import Model, open_unchecked
from edge.rehearsal.comparison import Answer
from edge.tuning import Choice
from edge.typed import build, plain

HEAD = struct.Struct("<II")
NICE = 5
"""The line goes first."""
_WARM_UP = 2


@dataclass(frozen=True, slots=True)
class Player:
    """A model and how it is run."""

    path: Path
    setup: Setup
    labels: Path | None = None
    colour: Colour | None = None
    range: Range | None = None


@dataclass(frozen=True, slots=True)
class Cast:
    """What the child needs to know: the active model and the new one, and the rule by which parts are rejected."""

    active: Player
    new: Player
    reject: tuple[str, ...]
    least_score: float


def main() -> int:
    """One line on standard error and another status than 0 when a model is no good."""
    os.nice(NICE)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        cast = build(Cast, json.loads(sys.stdin.buffer.readline()))
        rule = Rule(frozenset(cast.reject), cast.least_score)
        models = _load_active(cast.active, rule), _load(cast.new, rule)
        _say({"ready": True})
        while (picture := _read(sys.stdin.buffer)) is not None:
            _say([plain(_answer(model, picture)) for model in models])
    except (EdgeError, MemoryError, TypeError) as error:
        sys.stderr.write(f"{error or type(error).__name__}\n")
        return error.exit_status if isinstance(error, EdgeError) else ArtifactError.exit_status
    return 0


def _load_active(player: Player, rule: Rule) -> Model:
    try:
        return _load(player, rule)
    except ArtifactError as error:
        raise ArtifactError(f"there is nothing to measure it by: the active model does not load ({error})") from None


def _load(player: Player, rule: Rule) -> Model:
    given = Given(player.labels, player.colour, player.range)
    artifact = Artifact.load(player.path)
    model = open_unchecked(artifact, Choice(player.setup, "as on the line"), rule, given)
    blank = np.zeros((model.description.input.height, model.description.input.width, 3), np.uint8)
    for _ in range(_WARM_UP):
        model.predict(blank)
    return model


def _answer(model: Model, picture: Image) -> Answer:
    began_ns = time.monotonic_ns()
    decision = model.predict(picture)
    return Answer(decision.label, decision.reject, (time.monotonic_ns() - began_ns) // 1000)


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
