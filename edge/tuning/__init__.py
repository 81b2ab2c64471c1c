"""Which runtime, thread count and delegate a model runs fastest with on this machine, as measured once."""

from edge.tuning.choice import Choice, Measured, choose
from edge.tuning.file import Entry, read_entries, write_entry
from edge.tuning.lookup import choose_setup, tuning_path

__all__ = [
    "Choice",
    "Entry",
    "Measured",
    "choose",
    "choose_setup",
    "read_entries",
    "tuning_path",
    "write_entry",
]
