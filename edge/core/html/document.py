"""The frame of a page: no script, no network, nothing but this file."""

from __future__ import annotations

from importlib.resources import files

from edge.core.html.markup import Content, Markup, tag

# Belt and braces: even a mistake in a page could fetch nothing.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def document(title: str, *parts: Content) -> bytes:
    """UTF-8. The same parts give the same bytes."""
    style = Markup(files("edge.core.html").joinpath("style.css").read_text("utf-8"))
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("style", style),
    )
    page = tag("html", head, tag("body", tag("main", parts)), lang="en")
    return ("<!doctype html>\n" + page + "\n").encode()
