"""What the recorder does to the tail: one line with buffer, drift, health and MQTT on, and with all of it off.

Both run in turn, in pieces of a few seconds, so that a machine that slows down slows both; after each decision a bare
``invoke()`` is timed on the same thread, which says how quiet the machine was.
"""

from __future__ import annotations

import os
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from deploy.mosquitto.local import Mosquitto
from edge.device.assembly import load_cascade, open_buffer, open_generation, open_sync
from edge.device.config import Config, load_config
from edge.device.health.camera_health import CameraHealth, WatchedCamera
from edge.device.health.camera_view import CameraView
from edge.device.health.collector import HealthCollector
from edge.device.pipeline import Intake, MailboxPolicy, Pipeline, steady
from edge.device.pipeline.pinning import reserved
from edge.device.recorder import Recorder
from edge.gates import NoGate
from edge.inference.cascade import Cascade
from edge.inference.frames import Frame
from edge.inference.frames.events import CameraEvent
from edge.inference.frames.frame import Image
from edge.inference.judgement import Judgement
from edge.sim import SimulatedLine
from tests.bench.models import watched
from tests.bench.setting import Setting
from tests.bench.timing import Row, Unwatched

FPS = 30
PIECES, PIECE_S = 6, 10.0
MAX_TAIL, MAX_AGAINST_BARE, MAX_MEDIAN = 1.3, 1.1, 1.05


def rows(setting: Setting) -> Iterator[Row]:
    """MobileNetV2 at 224×224 with a drift reference."""
    busy, alone, restless, pinned = Taken(), Taken(), Taken(), Taken()
    with Mosquitto(setting.folder / "broker") as broker:
        config = _config(setting.folder, watched(224, setting.folder), broker.url)
        for _ in range(PIECES):
            _run_busy(config, busy)
            _run_alone(config, alone)
            _run_busy(config, restless, calm=False)
            _run_busy(config, pinned, core=max(os.sched_getaffinity(0)))
    tail, bare = busy.tail, busy.bare_tail
    holds = tail <= MAX_TAIL or tail <= MAX_AGAINST_BARE * bare
    bar = f"≤ {MAX_TAIL}, or ≤ {MAX_AGAINST_BARE} × that of invoke()"
    yield Row(f"p99/p50 of a frame's way at {FPS}/s, all on, against bare invoke()", tail, bare, "", bar, holds)
    yield Row("  the same, all off", alone.tail, alone.bare_tail, "", "", True)
    for what, other in (("left to Python", restless), ("on a core of its own", pinned)):
        yield Row(f"p99 of a frame's way, all on, against the same {what}", busy.p99_ms, other.p99_ms, "ms", "", True)
        yield Row(f"  p99.9 of the same, {what}", busy.p999_ms, other.p999_ms, "ms", "", True)
    one, two = busy.median_ms, alone.median_ms
    yield Row("p50 of a frame's way, all on, against all off", one, two, "ms", f"≤ {MAX_MEDIAN}", one <= two * 1.05)


@dataclass
class Taken:
    """Seconds, frame by frame."""

    frames: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)

    @property
    def median_ms(self) -> float:
        return 1000 * statistics.median(self.frames)

    @property
    def p99_ms(self) -> float:
        return 1000 * float(np.quantile(self.frames, 0.99))

    @property
    def p999_ms(self) -> float:
        return 1000 * float(np.quantile(self.frames, 0.999))

    @property
    def tail(self) -> float:
        return _tail(self.frames)

    @property
    def bare_tail(self) -> float:
        return _tail(self.bare)


def _tail(seconds: list[float]) -> float:
    return float(np.quantile(seconds, 0.99) / np.median(seconds))


class Timed:
    """Frames in memory, ``FPS`` a second."""

    live = True

    def __init__(self, images: list[Image]) -> None:
        self._images = images
        self._began = time.monotonic()
        self._number = 0
        self._closed = threading.Event()

    def read(self) -> Frame | None:
        self._number += 1
        due = self._began + self._number / FPS
        if self._closed.wait(max(0.0, due - time.monotonic())) or self._number > PIECE_S * FPS:
            return None
        image = self._images[self._number % len(self._images)]
        return Frame(image, time.monotonic_ns(), time.time_ns())

    def close(self) -> None:
        self._closed.set()


class Still:
    """A camera that is never lost."""

    def take_events(self) -> list[CameraEvent]:
        return []


class Stopwatch(NoGate):
    """The gate is told as soon as there is a decision: the end of a frame's way."""

    def __init__(self, taken: Taken, chain: Cascade) -> None:
        self._taken = taken
        self._native = chain.models[0].interpreter._native

    def act(self, judgement: Judgement) -> None:
        self._taken.frames.append((time.monotonic_ns() - judgement.captured_ns) / 1e9)
        began = time.perf_counter()
        self._native.invoke()
        self._taken.bare.append(time.perf_counter() - began)


def _pipeline(config: Config, taken: Taken, intake: Intake, core: int | None = None) -> Pipeline:
    line = SimulatedLine.from_uri("sim://line?width=640&height=480")
    chain = load_cascade(config)
    source = Timed([line.image(number) for number in range(8)])
    return Pipeline(source, chain, Stopwatch(taken, chain), intake, MailboxPolicy("latest"), core=core)


def _run_alone(config: Config, taken: Taken) -> None:
    with steady():
        _pipeline(config, taken, Unwatched()).run()


def _run_busy(config: Config, taken: Taken, *, calm: bool = True, core: int | None = None) -> None:
    """As ``edge.device.line`` does, with a source and a gate of our own.

    Without ``calm`` Python collects garbage and switches threads as it likes; ``core`` is the decisions' own.
    """
    with reserved([] if core is None else [core]):
        _run(config, taken, calm, core)


def _run(config: Config, taken: Taken, calm: bool, core: int | None) -> None:
    intake = Intake()
    pipeline = _pipeline(config, taken, intake, core)
    chain = pipeline._chain
    buffer = open_buffer(config)
    generation = open_generation(config, chain, buffer.boot_id)
    identity = generation.identity
    sync = open_sync(config.sync, buffer, identity)
    assert sync is not None
    lane = CameraView("camera", pipeline.accounts, pipeline.latency)
    vitals = HealthCollector(identity, [lane], intake, buffer, sync)
    recorder = Recorder(
        intake=intake,
        buffer=buffer,
        generation=generation,
        vitals=vitals,
        caretaker=CameraHealth([WatchedCamera("camera", Still())], config.camera, identity, config.device.state),
        sync=sync,
        health_interval_s=config.health.interval_s,
    )
    sync.start()
    recorder.start()
    with steady() if calm else nullcontext():
        pipeline.run()
    recorder.finish()
    sync.stop(1.0)
    buffer.close()


def _config(folder: Path, model: Path, broker: str) -> Config:
    path = folder / "edge.toml"
    path.write_text(
        f'[device]\nid = "bench"\n[source]\nuri = "sim://line"\n[model]\npath = "{model.absolute()}"\n'
        f"[buffer]\ncommit_s = 1.0\n[drift]\nwindow = 100\n[health]\ninterval_s = 1.0\n"
        f'[sync]\nbroker = "{broker}"\npredictions = true\n',
        "utf-8",
    )
    return load_config(path)
