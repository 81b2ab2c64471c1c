"""All figures of one artifact on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge.core.progress import Progress
from edge.errors import ArtifactError, ConfigError, EdgeError
from edge.inference.artifact import Artifact
from edge.inference.artifact.describe import Given
from edge.inference.bench.measure import Times, Timings, measure
from edge.inference.bench.probe import StartProbe, frame, probe
from edge.inference.interpreter import Setup
from edge.inference.model import open_unchecked
from edge.inference.tuning import SetupChoice, SetupTiming


@dataclass(frozen=True, slots=True)
class BenchRow:
    setup: Setup
    runtime: str
    """Name and version."""
    invoke: Times
    preprocess: Times
    decision: Times
    """From a frame in memory to its decision."""
    start_ms: float
    """From the start of a process to its first decision, with a model that was tried in a child process before."""
    memory_mb: float
    frames: int


@dataclass(frozen=True, slots=True)
class Failed:
    setup: Setup
    reason: str


@dataclass(frozen=True, slots=True)
class BenchResult:
    rows: tuple[BenchRow, ...]
    failed: tuple[Failed, ...]

    @property
    def measured(self) -> tuple[SetupTiming, ...]:
        """For :func:`edge.inference.tuning.choose`."""
        return tuple(SetupTiming(row.setup, row.decision.p50_ms, row.decision.p99_ms) for row in self.rows)


def bench(
    artifact: Artifact,
    given: Given,
    setups: Sequence[Setup],
    size: tuple[int, int] = (640, 480),
    seconds: float = 3.0,
    progress: Progress | None = None,
) -> BenchResult:
    """Measures each of ``setups`` for ``seconds``, on frames of ``size`` (width, height).

    Each is tried in a process of its own first. Raises ArtifactError or another EdgeError when none of them works.
    """
    progress = progress or Progress()
    probes, failed, error = _probe_all(artifact, given, setups, size, progress)
    if not probes:
        raise error or ArtifactError(f"{artifact.path}: no runtime here fits what is asked for")
    models = [open_unchecked(artifact, SetupChoice(setup, "measured"), given=given) for setup in probes]
    samples = measure(models, frame(*size), seconds, progress)
    rows = (
        _row(setup, model.interpreter.runtime.version, found, own)
        for (setup, found), model, own in zip(probes.items(), models, samples, strict=True)
    )
    return BenchResult(tuple(rows), tuple(failed))


def _probe_all(
    artifact: Artifact, given: Given, setups: Sequence[Setup], size: tuple[int, int], progress: Progress
) -> tuple[dict[Setup, StartProbe], list[Failed], EdgeError | None]:
    probes: dict[Setup, StartProbe] = {}
    failed: list[Failed] = []
    last: EdgeError | None = None
    for setup in progress.count(setups, len(setups), "trying set-up"):
        try:
            probes[setup] = probe(artifact.path, setup, given, size)
        except ConfigError:
            raise
        except EdgeError as error:
            failed.append(Failed(setup, str(error)))
            last = error
    return probes, failed, last


def _row(setup: Setup, version: str, found: StartProbe, samples: Timings) -> BenchRow:
    return BenchRow(
        setup,
        f"{setup.runtime} {version}",
        Times.of(samples.invoke),
        Times.of(samples.preprocess),
        Times.of(samples.decision),
        found.start_ms,
        found.memory_mb,
        len(samples.decision),
    )
