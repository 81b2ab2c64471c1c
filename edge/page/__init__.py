"""HTML pages that need nothing but themselves."""

from edge.page.document import document
from edge.page.markup import Content, Markup, escape, note, scroll, section, table, tag

__all__ = ["Content", "Markup", "document", "escape", "note", "scroll", "section", "table", "tag"]
