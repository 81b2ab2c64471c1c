"""Training on the flatbuffer: for the rounding that comes, and for zeros."""

from converter.finetune.network import check
from converter.finetune.process import trained
from converter.finetune.stored import transplant
from converter.finetune.task import Task
from converter.finetune.tuning import Tuning, compare, divide, judged, pruned

__all__ = ["Task", "Tuning", "check", "compare", "divide", "judged", "pruned", "trained", "transplant"]
