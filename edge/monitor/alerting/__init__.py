"""Alerts: what people are told of a fleet, seldom falsely, grouped, and not again and again."""

from edge.monitor.alerting.alerting import Alerting
from edge.monitor.alerting.book import AlertBook, Notice
from edge.monitor.alerting.dispatch import Dispatcher
from edge.monitor.alerting.evidence import DriftingColumn, Evidence, EvidenceKey
from edge.monitor.alerting.rules import Rules, load_rules
from edge.monitor.alerting.sinks import AlertSink, open_sinks
from edge.monitor.alerting.symptoms import Hysteresis, Symptom, SymptomKey

__all__ = [
    "AlertBook",
    "AlertSink",
    "Alerting",
    "Dispatcher",
    "DriftingColumn",
    "Evidence",
    "EvidenceKey",
    "Hysteresis",
    "Notice",
    "Rules",
    "Symptom",
    "SymptomKey",
    "load_rules",
    "open_sinks",
]
