"""What a model costs on this machine: time, start and memory, for several ways to run it."""

from edge.bench.bench import Failed, Result, Row, bench
from edge.bench.measure import Times
from edge.bench.setups import setups_for

__all__ = ["Failed", "Result", "Row", "Times", "bench", "setups_for"]
