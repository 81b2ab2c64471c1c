"""Drift: a reference of good times, mergeable statistics of now, and the tests between them."""

from edge.drift.features import FEATURES, feature, measure
from edge.drift.pane import Pane
from edge.drift.reference import Reference
from edge.drift.verdict import ColumnVerdict, Verdict, judge
from edge.drift.watch import DriftWatch, WindowResult

__all__ = [
    "FEATURES",
    "ColumnVerdict",
    "DriftWatch",
    "Pane",
    "Reference",
    "Verdict",
    "WindowResult",
    "feature",
    "judge",
    "measure",
]
