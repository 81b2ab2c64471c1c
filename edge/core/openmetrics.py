"""Prometheus' text exposition format, version 0.0.4.

The format: https://prometheus.io/docs/instrumenting/exposition_formats. The names follow
https://prometheus.io/docs/practices/naming: base units, counters end in ``_total``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
Labels = Mapping[str, str]
MetricSample = tuple[Labels, float]
NONE: Labels = {}


@dataclass(frozen=True, slots=True)
class Family:
    """One metric. A sample is the suffix of its name (a histogram has three kinds), its labels and its value."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    samples: tuple[tuple[str, Labels, float], ...]


def page(families: Iterable[Family]) -> str:
    """All of them as text."""
    return "".join(line + "\n" for family in families for line in _lines(family))


def counter(name: str, text: str, samples: Iterable[MetricSample]) -> Family:
    """Only rises; its name ends in ``_total``."""
    return Family(name, "counter", text, tuple(("", *sample) for sample in samples))


def gauge(name: str, text: str, samples: Iterable[MetricSample]) -> Family:
    """Rises and falls."""
    return Family(name, "gauge", text, tuple(("", *sample) for sample in samples))


def _lines(family: Family) -> Iterator[str]:
    text = family.help.replace("\\", r"\\").replace("\n", r"\n")
    yield f"# HELP {family.name} {text}"
    yield f"# TYPE {family.name} {family.kind}"
    for suffix, labels, value in family.samples:
        yield f"{family.name}{suffix}{_labels(labels)} {value!r}"


def _labels(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
