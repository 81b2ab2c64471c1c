"""HTML pages that need nothing but themselves."""

from edge.core.html.document import document
from edge.core.html.markup import Content, Markup, escape, note, scroll, section, table, tag

__all__ = ["Content", "Markup", "document", "escape", "note", "scroll", "section", "table", "tag"]
