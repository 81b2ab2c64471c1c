"""The filled store of the pages' tests, and the pages over it."""

from tests.edge.monitor.web.conftest import filled, line, serve, site

__all__ = ["filled", "line", "serve", "site"]
