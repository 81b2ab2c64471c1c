"""The whole page: no script, no network, nothing but this file."""

from __future__ import annotations

import os
from importlib.resources import files

from converter.page import sections, training
from converter.page.markup import Content, Markup, tag
from converter.report import Report

# Belt and braces: even a mistake in the page could fetch nothing.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


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
        training.tuning(report),
        sections.confusions(report),
        sections.classes(report),
        sections.pictures(report),
        sections.layers(report),
        sections.preprocessing(report),
        sections.runtimes(report, timed),
        sections.data(report),
        sections.provenance(report),
    ]
    return ("<!doctype html>\n" + _document(f"{report.model} version {report.version}", parts) + "\n").encode()


def _document(title: str, parts: list[Content]) -> Markup:
    style = Markup(files("converter.page").joinpath("style.css").read_text("utf-8"))
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"{title}: conversion report"),
        tag("style", style),
    )
    return tag("html", head, tag("body", tag("main", parts)), lang="en")
