"""Export of a store for other programs: tables in files, a page for Prometheus, a client for notebooks."""

from edge.monitor.export.client import Monitor
from edge.monitor.export.metrics import fleet_metrics
from edge.monitor.export.tables import TABLES, ExportQuery, table

__all__ = ["TABLES", "ExportQuery", "Monitor", "fleet_metrics", "table"]
