"""Drift: a reference of good times, mergeable statistics of now, and the tests between them."""

from edge.drift.compare import ComparedColumn, Comparison, compare
from edge.drift.continuous import Alarm, ContinuousWatch, Watched
from edge.drift.evidently import EvidentlyColumn, evidently_column, evidently_share
from edge.drift.features import FEATURES, PART_FEATURES, Shape, feature, measure
from edge.drift.ledger import Ledger, PaneKey, SlidingWindow
from edge.drift.multivariate import ks_bonferroni, mmd, pca_ks
from edge.drift.pane import Pane
from edge.drift.performance import ConceptWatch, Performance, Share
from edge.drift.reference import Reference
from edge.drift.samples import ks_2samp
from edge.drift.tables import read_table
from edge.drift.verdict import ColumnVerdict, Verdict, judge
from edge.drift.wasserstein import wasserstein
from edge.drift.watch import DriftWatch, WindowResult
from edge.drift.wire import decode_pane, encode_pane

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
    "Performance",
    "Reference",
    "Shape",
    "Share",
    "SlidingWindow",
    "Verdict",
    "Watched",
    "WindowResult",
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
