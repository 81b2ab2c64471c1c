"""Jobs beside the daemon: a model over folders and videos, into a file, to be continued after an interruption."""

from edge.inference.batch.factory import open_sink
from edge.inference.batch.job import BatchSummary, run_job
from edge.inference.batch.progress import BatchProgress
from edge.inference.batch.row import BatchRow, Written
from edge.inference.batch.sink import BatchSink, Printer

__all__ = ["BatchProgress", "BatchRow", "BatchSink", "BatchSummary", "Printer", "Written", "open_sink", "run_job"]
