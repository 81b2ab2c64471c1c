"""Drift: a reference of good times, mergeable statistics of now, and the tests between them."""

from edge.drift.compare import ComparedColumn, Comparison, compare
from edge.drift.encoding.wire import decode_pane, encode_pane
from edge.drift.features import FEATURES, PART_FEATURES, PartShape, feature, measure
from edge.drift.ledger import Ledger, PaneKey, SlidingWindow
from edge.drift.multivariate import ks_bonferroni, mmd, pca_ks
from edge.drift.pane import Pane
from edge.drift.reference import Reference
from edge.drift.tables import read_table
from edge.drift.univariate.evidently import EvidentlyColumn, evidently_column, evidently_share
from edge.drift.univariate.samples import ks_2samp
from edge.drift.univariate.wasserstein import wasserstein
from edge.drift.watch.continuous import Alarm, ContinuousWatch, PaneResult
from edge.drift.watch.performance import ConceptWatch, Performance, Share
from edge.drift.watch.verdict import ColumnVerdict, WindowVerdict, judge
from edge.drift.watch.watch import DriftWatch, WindowResult

__all__ = [
    "FEATURES",
    "PART_FEATURES",
    "Alarm",
    "ColumnVerdict",
    "ComparedColumn",
    "Comparison",
    "ConceptWatch",
    "ContinuousWatch",
    "DriftWatch",
    "EvidentlyColumn",
    "Ledger",
    "Pane",
    "PaneKey",
    "PaneResult",
    "PartShape",
    "Performance",
    "Reference",
    "Share",
    "SlidingWindow",
    "WindowResult",
    "WindowVerdict",
    "compare",
    "decode_pane",
    "encode_pane",
    "evidently_column",
    "evidently_share",
    "feature",
    "judge",
    "ks_2samp",
    "ks_bonferroni",
    "measure",
    "mmd",
    "pca_ks",
    "read_table",
    "wasserstein",
]
