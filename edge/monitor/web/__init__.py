"""Pages for a browser, and the same data for programs."""

from edge.monitor.web.app import create_app, open_pages
from edge.monitor.web.pages.alerts import AlertWriter
from edge.monitor.web.settings import Access, ListenAddress, Tls, parse_access, parse_place

__all__ = ["Access", "AlertWriter", "ListenAddress", "Tls", "create_app", "open_pages", "parse_access", "parse_place"]
