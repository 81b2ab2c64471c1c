"""The gate that takes bad parts off the line."""

from edge.gates.factory import open_gate
from edge.gates.gate import Gate, GateCondition, NoGate
from edge.gates.sim import SimulatedGate
from edge.gates.slack import EDGES_MS, Slack, SlackHistogram

__all__ = ["EDGES_MS", "Gate", "GateCondition", "NoGate", "SimulatedGate", "Slack", "SlackHistogram", "open_gate"]
