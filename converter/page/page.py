"""The whole page."""

from __future__ import annotations

import os

from converter.page import sections
from converter.report import Report
from edge.page import Content, document


def render(report: Report) -> bytes:
    """UTF-8. The same report gives the same bytes; where SOURCE_DATE_EPOCH is set, times that were measured on this
    machine are left out, so that the same input does, too.
    """
    timed = not os.environ.get("SOURCE_DATE_EPOCH")
    parts: list[Content] = [
        sections.headline(report, timed),
        sections.warnings(report),
        sections.accuracy(report),
        sections.recipes(report, timed),
        sections.confusions(report),
        sections.classes(report),
        sections.pictures(report),
        sections.layers(report),
        sections.preprocessing(report),
        sections.runtimes(report, timed),
        sections.data(report),
        sections.provenance(report),
    ]
    return document(f"{report.model} version {report.version}: conversion report", parts)
