"""One set-up in a fresh process: does it run, how long until the first decision, how much memory.

Run as a program it is that process. It loads without a child of its own, as a start does whose model was checked.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.core.memory import resident_bytes
from edge.core.structs import build, plain
from edge.errors import ArtifactError, EdgeError
from edge.inference.artifact import Artifact
from edge.inference.artifact.describe import Given
from edge.inference.frames.frame import Image
from edge.inference.interpreter import Setup
from edge.inference.interpreter.child import raise_failure
from edge.inference.model import open_unchecked
from edge.inference.tuning import SetupChoice

FRAMES = 50
"""Judged before memory is read."""
TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class Job:
    artifact: Path
    setup: Setup
    given: Given
    width: int
    height: int
    began_ns: int
    """Monotonic clock, when the process was started."""


@dataclass(frozen=True, slots=True)
class StartProbe:
    start_ms: float
    """From the start of the process to the first decision."""
    memory_mb: float
    """Resident, after fifty decisions."""


def probe(artifact: Path, setup: Setup, given: Given, size: tuple[int, int]) -> StartProbe:
    """``size`` is width, height. Raises ArtifactError or MissingError where the set-up does not work, ConfigError
    for what is given wrongly."""
    job = Job(artifact.absolute(), setup, given, *size, time.monotonic_ns())
    command = [sys.executable, "-m", "edge.inference.bench.probe", json.dumps(plain(job))]
    try:
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        raise ArtifactError(f"not ready within {TIMEOUT_S:.0f} s") from None
    raise_failure(done, setup)
    return build(StartProbe, json.loads(done.stdout))


def frame(width: int, height: int) -> Image:
    """Noise, BGR: what it shows does not matter to a model's time."""
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def main(job: Job) -> int:
    """The child: prints a Probe as JSON, or one line on standard error."""
    try:
        image = frame(job.width, job.height)
        model = open_unchecked(Artifact.load(job.artifact), SetupChoice(job.setup, "measured"), given=job.given)
        model.predict(image)
        start_ms = (time.monotonic_ns() - job.began_ns) / 1e6
        for _ in range(FRAMES):
            model.predict(image)
    except EdgeError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_status
    sys.stdout.write(json.dumps(plain(StartProbe(round(start_ms, 1), round(resident_bytes() / 1e6, 1)))))
    return 0


if __name__ == "__main__":
    sys.exit(main(build(Job, json.loads(sys.argv[1]))))
