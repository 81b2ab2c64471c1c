"""The gate that takes bad parts off the line."""

from edge.gate.gate import Gate, NoGate
from edge.gate.opening import open_gate
from edge.gate.sim import SimulatedGate
from edge.gate.slack import Slack, SlackHistogram

__all__ = ["Gate", "NoGate", "SimulatedGate", "Slack", "SlackHistogram", "open_gate"]
