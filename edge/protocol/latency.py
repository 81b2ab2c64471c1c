"""Latency histograms of several cameras and devices, added up."""

from __future__ import annotations

from collections.abc import Iterable

from edge.core.histogram import Distribution
from edge.protocol.messages import Health, Histogram, Latency

SHARES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p999": 0.999}
"""The quantiles that a health message tells."""


def merge(healths: Iterable[Health]) -> Distribution:
    """All cameras of the last message of each device: exactly the histogram that one device would have had.

    Raises ValueError for buckets out of order, which :func:`edge.protocol.messages.decode` lets nobody send.
    """
    merged = Distribution.empty()
    for health in healths:
        for camera in health.cameras:
            merged += from_message(camera.histogram)
    return merged


def from_message(histogram: Histogram) -> Distribution:
    """Raises ValueError for buckets out of order."""
    return Distribution.from_sparse(histogram.buckets, histogram.sum_us, histogram.max_us)


def to_message(distribution: Distribution) -> Histogram:
    """The inverse of :func:`from_message`."""
    return Histogram(distribution.sparse(), distribution.sum_us, distribution.max_us)


def latency(distribution: Distribution) -> Latency:
    """The quantiles of SHARES, and the maximum."""
    quantiles = {name: float(distribution.quantile(share)) for name, share in SHARES.items()}
    return Latency(max=float(distribution.max_us), **quantiles)
