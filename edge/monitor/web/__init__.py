"""Pages for a browser, and the same data for programs."""

from edge.monitor.web.app import create_app, open_pages
from edge.monitor.web.pages.alerts import Desk
from edge.monitor.web.settings import Access, Place, Tls, parse_access, parse_place

__all__ = ["Access", "Desk", "Place", "Tls", "create_app", "open_pages", "parse_access", "parse_place"]
