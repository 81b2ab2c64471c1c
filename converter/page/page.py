"""The whole page: no script, no network, nothing but this file."""

from __future__ import annotations

import os
from importlib.resources import files

from converter.page import converted, wrapped
from converter.page.markup import Content, Markup, tag
from converter.report import Common, Report
from converter.wrap_report import WrapReport

# Belt and braces: even a mistake in the page could fetch nothing.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def render(report: Report | WrapReport) -> bytes:
    """UTF-8. The same report gives the same bytes; where SOURCE_DATE_EPOCH is set, times that were measured on this
    machine are left out, so that the same input does, too.
    """
    timed = not os.environ.get("SOURCE_DATE_EPOCH")
    if isinstance(report, WrapReport):
        return _document(report, "report of a wrapped model", wrapped.parts(report, timed))
    return _document(report, "conversion report", converted.parts(report, timed))


def _document(report: Common, kind: str, parts: list[Content]) -> bytes:
    style = Markup(files("converter.page").joinpath("style.css").read_text("utf-8"))
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"{report.model} version {report.version}: {kind}"),
        tag("style", style),
    )
    body = tag("html", head, tag("body", tag("main", parts)), lang="en")
    return f"<!doctype html>\n{body}\n".encode()
