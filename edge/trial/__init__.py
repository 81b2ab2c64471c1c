"""How a new model comes to judge the line, and what sends it back: see README.md."""

from edge.trial.keeper import Keeper, Ways
from edge.trial.start import Start, active_file, begin
from edge.trial.switch import Crew, Switch

__all__ = ["Crew", "Keeper", "Start", "Switch", "Ways", "active_file", "begin"]
