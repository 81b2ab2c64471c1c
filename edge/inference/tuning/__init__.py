"""Which runtime, thread count and delegate a model runs fastest with on this machine, as measured once."""

from edge.inference.tuning.choice import SetupChoice, SetupTiming, choose
from edge.inference.tuning.file import TuningRun, read_entries, write_entry
from edge.inference.tuning.lookup import choose_setup, tuning_path

__all__ = [
    "SetupChoice",
    "SetupTiming",
    "TuningRun",
    "choose",
    "choose_setup",
    "read_entries",
    "tuning_path",
    "write_entry",
]
