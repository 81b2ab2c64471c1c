"""The database engines under a monitor's store, behind one small contract."""

from edge.monitor.database.engine import Engine, Row
from edge.monitor.database.opening import SCHEMES, open_engine
from edge.monitor.database.statements import insert, marks, upsert

__all__ = ["SCHEMES", "Engine", "Row", "insert", "marks", "open_engine", "upsert"]
