"""Alerts: what people are told of a fleet, seldom falsely, grouped, and not again and again."""

from edge.monitor.alerting.alerting import Alerting
from edge.monitor.alerting.book import Book, Notice
from edge.monitor.alerting.dispatch import Dispatcher
from edge.monitor.alerting.evidence import Evidence, Finding, Stream
from edge.monitor.alerting.rules import Rules, load_rules
from edge.monitor.alerting.sinks import Sink, open_sinks
from edge.monitor.alerting.symptoms import Hysteresis, Matter, Symptom

__all__ = [
    "Alerting",
    "Book",
    "Dispatcher",
    "Evidence",
    "Finding",
    "Hysteresis",
    "Matter",
    "Notice",
    "Rules",
    "Sink",
    "Stream",
    "Symptom",
    "load_rules",
    "open_sinks",
]
