"""Jobs beside the daemon: a model over folders and videos, into a file, to be continued after an interruption."""

from edge.jobs.job import Summary, run_job
from edge.jobs.opening import open_sink
from edge.jobs.progress import Progress
from edge.jobs.row import Row, Written
from edge.jobs.sink import Printer, Sink

__all__ = ["Printer", "Progress", "Row", "Sink", "Summary", "Written", "open_sink", "run_job"]
