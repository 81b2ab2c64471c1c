"""The health message of a simulated device: what one that judges ``rate_fps`` parts a second would have counted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.core.histogram import BUCKETS, Distribution, bucket_of
from edge.protocol.latency import latency, to_message
from edge.protocol.messages import BufferDepth, CameraCounts, Health

CAMERA = "0"
RECENT_S = 60.0
MEAN_LOG, DEVIATION_LOG = math.log(6_000), 0.25
"""Latencies are log-normal about 6 ms."""
LONGEST_US = 25_000
EMPTY = BufferDepth(entries=1200, pending=0, bytes=4 << 20, evicted=0)
FULL = BufferDepth(entries=2_000_000, pending=2_000_000, bytes=256 << 20, evicted=12_000, evicted_undelivered=12_000)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Trouble of a device besides its parts."""

    dropping: float = 0.0
    """Share of the frames that are dropped."""
    buffer_full: bool = False


def health(
    head: Mapping[str, Any], rate_fps: float, uptime_s: float, temperature_c: float, trouble: Trouble
) -> Health:
    """``head`` as :meth:`edge.protocol.messages.Identity.head` gives it."""
    camera = _camera(rate_fps, uptime_s, trouble.dropping)
    return Health(
        **head,
        captured=camera.captured,
        decided=camera.decided,
        dropped=camera.dropped,
        latency_us=camera.latency_us,
        latency_boot_us=camera.latency_boot_us,
        rate_fps=camera.rate_fps,
        buffer=FULL if trouble.buffer_full else EMPTY,
        rss_bytes=124_000_000,
        uptime_s=round(uptime_s, 3),
        temperature_c=round(temperature_c, 1),
        cameras=(camera,),
        judged=camera.judged,
        cpu_s=round(0.2 * uptime_s, 3),
        cpu_share=0.2,
        free_bytes=8 << 30,
    )


@lru_cache(maxsize=4096)
def _camera(rate_fps: float, uptime_s: float, dropping: float) -> CameraCounts:
    """Devices of one age and rate have counted the same."""
    judged, recent = round(rate_fps * uptime_s), round(rate_fps * min(RECENT_S, uptime_s))
    dropped, lately = _dropped(judged, dropping), _dropped(recent, dropping)
    latencies = _latencies(judged)
    quantiles = latency(latencies)
    return CameraCounts(
        name=CAMERA,
        captured=judged + sum(dropped.values()),
        decided=judged,
        dropped=dropped,
        recent_captured=recent + sum(lately.values()),
        recent_dropped=lately,
        rate_fps=round(rate_fps, 2),
        latency_us=quantiles,
        latency_boot_us=quantiles,
        histogram=to_message(latencies),
        judged=judged,
    )


def _dropped(judged: int, share: float) -> dict[str, int]:
    """So many that they are ``share`` of all that were captured."""
    count = round(judged * share / max(1e-9, 1 - share))
    return {"late": count} if count else {}


def _latencies(count: int) -> Distribution:
    """Latencies as if so many had been measured."""
    reached = np.round(np.concatenate([[0.0], _shares().cumsum()]) * count)
    mean_us = math.exp(MEAN_LOG + DEVIATION_LOG**2 / 2)
    return Distribution(np.diff(reached).astype(np.uint64), round(count * mean_us), LONGEST_US)


@lru_cache
def _shares() -> NDArray[np.float64]:
    """Share of each bucket."""
    drawn = np.random.default_rng(0).lognormal(MEAN_LOG, DEVIATION_LOG, 20_000).clip(max=LONGEST_US)
    counts = np.bincount([bucket_of(int(value)) for value in drawn], minlength=BUCKETS)
    return np.asarray(counts / counts.sum())
