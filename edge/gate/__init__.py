"""The gate that takes bad parts off the line."""

from edge.gate.gate import Condition, Gate, NoGate
from edge.gate.opening import open_gate
from edge.gate.sim import SimulatedGate
from edge.gate.slack import EDGES_MS, Slack, SlackHistogram

__all__ = ["EDGES_MS", "Condition", "Gate", "NoGate", "SimulatedGate", "Slack", "SlackHistogram", "open_gate"]
