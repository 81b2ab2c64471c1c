"""The whole page."""

from __future__ import annotations

import os

from converter.report.page import converted, wrapped
from converter.report.report import Common, ConversionReport
from converter.report.wrap_report import WrapReport
from edge.core.html import Content, document


def render(report: ConversionReport | WrapReport) -> bytes:
    """UTF-8. The same report gives the same bytes; where SOURCE_DATE_EPOCH is set, times that were measured on this
    machine are left out, so that the same input does, too.
    """
    timed = not os.environ.get("SOURCE_DATE_EPOCH")
    if isinstance(report, WrapReport):
        return _document(report, "report of a wrapped model", wrapped.parts(report, timed))
    return _document(report, "conversion report", converted.parts(report, timed))


def _document(report: Common, kind: str, parts: list[Content]) -> bytes:
    return document(f"{report.model} version {report.version}: {kind}", parts)
