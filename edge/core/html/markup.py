"""HTML that is escaped by construction: text becomes markup only through :func:`tag`."""

from __future__ import annotations

import html
from collections.abc import Iterable


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()

    def __html__(self) -> str:
        """So that template engines (Jinja, MarkupSafe) leave it as it is."""
        return str(self)


Content = str | int | Iterable["Content"]

VOID = frozenset(["img", "meta", "br"])


def tag(name: str, /, *content: Content, **attributes: str | int | bool) -> Markup:
    """``tag("td", "a<b", cls="name")`` → ``<td class="name">a&lt;b</td>``.

    Underscores in attribute names become dashes; an attribute that is True stands alone, False leaves it out.
    """
    texts = []
    for key, value in attributes.items():
        word = {"cls": "class"}.get(key, key.replace("_", "-"))
        if value is True:
            texts.append(f" {word}")
        elif value is not False:
            texts.append(f' {word}="{html.escape(str(value))}"')
    start = f"<{name}{''.join(texts)}>"
    return Markup(start if name in VOID else f"{start}{escape(content)}</{name}>")


def escape(content: Content) -> Markup:
    """Text escaped, markup as it is, anything with parts joined."""
    if isinstance(content, Markup):
        return content
    if isinstance(content, str):
        # A surrogate (a file name that is not UTF-8) cannot be written as UTF-8.
        return Markup(html.escape(content.encode("utf-8", "replace").decode("utf-8")))
    if isinstance(content, int):
        return Markup(content)
    return Markup("".join(escape(part) for part in content))


def table(head: Iterable[Content], rows: Iterable[Iterable[Content]], numbers: bool = True) -> Markup:
    """The first column is a heading of its row; the others are right-aligned ``numbers`` or text."""
    body = [
        tag("tr", tag("th", first, scope="row"), [tag("td", cell) for cell in cells])
        for first, *cells in (list(row) for row in rows)
    ]
    columns = tag("tr", [tag("th", cell, scope="col") for cell in head])
    inner = tag("table", tag("thead", columns), tag("tbody", body), cls="numbers" if numbers else False)
    return scroll(inner)


def section(title: str, *content: Content) -> Markup:
    """A heading and what belongs to it."""
    return tag("section", tag("h2", title), *content)


def scroll(*content: Content) -> Markup:
    """Wraps what may be wider than a phone: it scrolls inside itself, by keyboard too."""
    return tag("div", *content, cls="scroll", tabindex=0)


def note(*content: Content) -> Markup:
    return tag("p", *content, cls="note")
