"""Benchmark of a model on this machine: time, start and memory, for several ways to run it."""

from edge.inference.bench.bench import BenchResult, BenchRow, Failed, bench
from edge.inference.bench.measure import Times
from edge.inference.bench.setups import setups_for

__all__ = ["BenchResult", "BenchRow", "Failed", "Times", "bench", "setups_for"]
