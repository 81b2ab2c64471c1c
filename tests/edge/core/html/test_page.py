from __future__ import annotations

from edge.core.html import document, tag


def test_markup_is_escaped_by_construction() -> None:
    assert (
        tag("td", "a<b", ["&", 3], title='"', cls="x", hidden=False)
        == '<td title="&quot;" class="x">a&lt;b&amp;3</td>'
    )
    assert tag("p", "not \udcff UTF-8") == "<p>not ? UTF-8</p>"


def test_a_page_may_fetch_and_run_nothing() -> None:
    page = document("<b>", tag("p", "text"))

    assert page.startswith(b"<!doctype html>")
    assert b"default-src &#x27;none&#x27;" in page
    assert b"<title>&lt;b&gt;</title>" in page
    assert b"<script" not in page
    assert page == document("<b>", tag("p", "text"))
