"""The database engines under a monitor's store, behind one small contract."""

from edge.monitor.database.engine import DatabaseRow, Engine
from edge.monitor.database.factory import SCHEMES, open_engine
from edge.monitor.database.statements import insert, marks, upsert

__all__ = ["SCHEMES", "DatabaseRow", "Engine", "insert", "marks", "open_engine", "upsert"]
