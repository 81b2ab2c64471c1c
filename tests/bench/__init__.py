"""Benchmarks: ``make bench`` prints ratios measured in one run and writes them to build/bench.json."""
