"""From a frame in memory to its decision, against ``invoke()`` alone, in turn."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from edge.inference.cascade import Cascade
from edge.inference.frames.frame import Image
from edge.inference.interpreter import usable_runtimes
from edge.inference.model import load
from tests.bench.models import mobilenet_v2
from tests.bench.setting import Setting
from tests.bench.timing import Row, interleaved

MAX_RATIO = 1.05
MAX_ADDED_MS = 0.3
ONE_MS = {"litert": 1.0, "tflite-runtime": 0.35}
"""Width of the MobileNetV2 that takes about a millisecond at 96×96."""
ROUNDS = {"litert": 1500, "tflite-runtime": 100}


def rows(setting: Setting) -> Iterator[Row]:
    """MobileNetV2 at 224×224 and at 96×96, on each runtime."""
    frame = np.random.default_rng(1).integers(0, 256, (480, 640, 3), np.uint8)
    for runtime in usable_runtimes():
        ours, other = _ms(Cascade(load(mobilenet_v2(224), runtime=runtime.name)), frame, ROUNDS[runtime.name])
        name = f"640×480 frame to decision at 224×224, against bare invoke(), {runtime.name}"
        yield Row(name, ours, other, "ms", f"≤ {MAX_RATIO}", ours <= MAX_RATIO * other)
    yield _floor(Cascade(load(mobilenet_v2(224))), frame)
    for runtime in usable_runtimes():
        model = load(mobilenet_v2(96, ONE_MS[runtime.name]), runtime=runtime.name)
        ours, other = _ms(Cascade(model), frame, ROUNDS[runtime.name])
        name = f"640×480 frame to decision at 96×96, {runtime.name} (+{ours - other:.2f} ms)"
        yield Row(name, ours, other, "ms", f"≤ {MAX_ADDED_MS} ms more", ours - other <= MAX_ADDED_MS)


def _ms(chain: Cascade, frame: Image, rounds: int) -> tuple[float, float]:
    native = chain.models[0].interpreter._native
    ours, other = interleaved(lambda: chain.predict(frame), native.invoke, rounds)
    return 1000 * ours, 1000 * other


def _floor(chain: Cascade, frame: Image) -> Row:
    """What the memory alone asks for: the frame read once, after a model's weights went through the caches."""
    native = chain.models[0].interpreter._native
    halves = np.empty((240, 320, 3), np.uint8)

    def read() -> None:
        native.invoke()
        cv2.resize(frame, (320, 240), dst=halves, interpolation=cv2.INTER_AREA)

    ours, other = (1000 * seconds for seconds in interleaved(read, native.invoke, ROUNDS["litert"]))
    name = f"  of it, reading the frame once and halving it (+{ours - other:.2f} ms)"
    return Row(name, ours, other, "ms", "", True)
