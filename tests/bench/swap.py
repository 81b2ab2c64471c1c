"""What a new model costs the line: the longest time without a decision, and the frames that are dropped, while models
are rehearsed, swapped, committed, rolled back, and while one brings the daemon down.
"""

from __future__ import annotations

import sqlite3
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from edge.device.config import load_config
from edge.device.slots import FOLDER, Slots
from edge.device.slots.install import install
from edge.device.slots.trust import trust_of
from edge.inference.artifact.artifact import MANIFEST
from edge.inference.artifact.container import append_files, split
from edge.inference.artifact.manifest import Manifest
from edge.protocol.record import Record
from edge.sim import SimulatedLine
from tests.bench.models import mobilenet_v2
from tests.bench.setting import Setting
from tests.bench.timing import Row
from tests.support.artifacts import DELEGATE, faulty_model, pack
from tests.support.native import compile_library
from tests.support.supervisor import Supervised, decided_s, decisions, longest_gap_s

FPS = 30
MAX_GAP_S = 2.0
SWAPS = 3
WITHIN_S = 120.0


@dataclass(frozen=True)
class Line:
    """A supervised daemon in a folder of its own."""

    folder: Path
    model: Path
    """The factory model."""
    shadow: int
    frames: int
    delegate: Path | None = None
    """Makes a faulty model end or stall."""

    @property
    def config(self) -> Path:
        path = self.folder / "edge.toml"
        self.folder.mkdir(parents=True, exist_ok=True)
        options = 'delegate_options = { take = "last" }\n'
        delegate = f'delegate = "{self.delegate}"\n{options}' if self.delegate else ""
        path.write_text(
            f'[device]\nid = "bench"\n[source]\nuri = "sim://line?fps={FPS}&width=320&height=240"\n'
            f'deadline_ms = 1000\n[model]\npath = "{self.model.absolute()}"\n{delegate}[buffer]\ncommit_s = 0.05\n'
            f"[slots]\nrequire_signature = false\nshadow = {self.shadow}\ntrial_frames = {self.frames}\n",
            "utf-8",
        )
        return path


def rows(setting: Setting) -> Iterator[Row]:
    """A model of a usual size, and tiny ones that go wrong after some fifty parts on the line."""
    large = mobilenet_v2(224, alpha=1.1)
    yield from commits(large, setting.folder)
    for name, what in (
        ("refuses", "a rollback: the runtime refuses the new model's frames"),
        ("ends", "a model that ends the daemon (SIGABRT), twice, until its attempts are used up"),
        ("stalls", "a model that hangs: another thread judges in its place"),
    ):
        yield failure(name, what, setting.folder)


def commits(model: Path, folder: Path) -> Iterator[Row]:
    """Several new versions one after the other; frames that nobody judged at the swaps, against those between any
    two other decisions.
    """
    line = Line(folder / "commits", model, shadow=20, frames=60)
    versions = [_version(model, number, folder) for number in range(2, 2 + SWAPS)]
    with Running(line) as daemon:
        began = time.monotonic()
        usual = _settled(daemon, began)
        for path in versions:
            daemon.install(path)
    judged = decisions(line.folder / "state")
    gap_s = longest_gap_s([record for *_, record in judged if decided_s(record) >= began])
    at_swaps, elsewhere = _skipped(judged)
    size = f"{model.stat().st_size / 1e6:.1f} MB model at {FPS} frames/s"
    name = f"{size}: longest time between two decisions over {SWAPS} rehearsals, swaps and commits"
    yield Row(name, 1000 * gap_s, 1000 * usual, "ms", f"≤ {MAX_GAP_S:.0f} s", gap_s <= MAX_GAP_S)
    name = f"{size}: frames that nobody judged at {len(at_swaps)} swaps, against {len(at_swaps)} other moments"
    lost, usual = sum(at_swaps), statistics.mean(elsewhere) * len(at_swaps)
    yield Row(name, lost, usual, "", "0, or as ever", lost == 0 or lost <= 2 * usual)


def _skipped(judged: Sequence[tuple[str, str, int, Record]]) -> tuple[list[int], list[int]]:
    """Frames between two decisions one after the other: of two versions of the model, and of the same."""
    at_swaps: list[int] = []
    elsewhere: list[int] = []
    for (*_, before, earlier), (*_, after, later) in pairwise(judged):
        (at_swaps if before != after else elsewhere).append(later.part - earlier.part - 1)
    return at_swaps, elsewhere


def failure(name: str, what: str, folder: Path) -> Row:
    """The longest time without a decision, restarts of the daemon included."""
    images = [SimulatedLine.from_uri("sim://line").image(part) for part in range(3)]
    folder = folder / name
    folder.mkdir()
    paths = [folder / "plain.tflite", folder / f"{name}.tflite"]
    for version, path in enumerate(paths, start=1):
        content = pack(
            faulty_model(path.stem), images, model="faulty", labels=("red", "green", "blue"), version=version
        )
        path.write_bytes(content)
    line = Line(folder, paths[0], shadow=5, frames=1000, delegate=compile_library(DELEGATE, folder))
    with Running(line) as daemon:
        _settled(daemon, time.monotonic())
        daemon.install(paths[1])
        _settled(daemon, time.monotonic())
    gap_s = longest_gap_s([record for *_, record in decisions(line.folder / "state")])
    return Row(
        f"{what}: longest time without a decision", gap_s, None, "s", f"≤ {MAX_GAP_S:.0f} s", gap_s <= MAX_GAP_S
    )


class Running:
    """The daemon of a line, for as long as it takes; ``install`` returns at the end of the trial."""

    def __init__(self, line: Line) -> None:
        path = line.config
        self.state = line.folder / "state"
        self._config = load_config(path)
        self._slots = Slots(self.state / FOLDER)
        self.daemon = Supervised(path)

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        self.daemon.close()

    def install(self, path: Path) -> None:
        install(self._slots, trust_of(self._config), path, attempts=2)
        self.wait(lambda: not self._slots.state().trial)

    def wait(self, condition: Callable[[], object]) -> None:
        self.daemon.wait(condition, WITHIN_S)


def _settled(running: Running, since_s: float, count: int = 60) -> float:
    """Waits for so many further decisions; the longest time between two of them, seconds."""

    def fresh() -> list[Record]:
        with suppress(sqlite3.Error):  # the buffer is being made
            records = [record for *_, record in decisions(running.state)]
            return [record for record in records if decided_s(record) > since_s]
        return []

    running.wait(lambda: len(fresh()) >= count)
    return longest_gap_s(fresh()[5:])


def _version(model: Path, number: int, folder: Path) -> Path:
    flatbuffer, files = split(model.read_bytes())
    manifest = replace(Manifest.from_json(files[MANIFEST]), version=number)
    path = folder / f"v{number}.tflite"
    path.write_bytes(append_files(flatbuffer, files | {MANIFEST: manifest.to_json()}))
    return path
