"""From a frame in memory to its decision, against ``invoke()`` alone, in turn."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from edge.chain import Chain
from edge.interpreter import usable_runtimes
from edge.model import load
from tests.bench.models import mobilenet_v2
from tests.bench.setting import Setting
from tests.bench.timing import Row, interleaved

MOST_RATIO = 1.05
MOST_ADDED_MS = 0.3


def rows(setting: Setting) -> Iterator[Row]:
    """MobileNetV2 at 224×224 and at 96×96, on each runtime."""
    frame = np.random.default_rng(1).integers(0, 256, (480, 640, 3), np.uint8)
    for size in (224, 96):
        for runtime in usable_runtimes():
            chain = Chain(load(mobilenet_v2(size), runtime=runtime.name))
            native = chain.models[0].interpreter._native
            rounds = 1500 if runtime.name == "litert" else 60

            def judge(chain: Chain = chain) -> None:
                chain.predict(frame)

            ours, other = (1000 * seconds for seconds in interleaved(judge, native.invoke, rounds))
            name = f"640×480 frame to decision at {size}×{size}, against bare invoke(), {runtime.name}"
            if size == 224:
                yield Row(name, ours, other, "ms", f"≤ {MOST_RATIO}", ours <= MOST_RATIO * other)
            else:
                bar = f"≤ {MOST_ADDED_MS} ms more"
                yield Row(f"{name} (+{ours - other:.2f} ms)", ours, other, "ms", bar, ours - other <= MOST_ADDED_MS)
