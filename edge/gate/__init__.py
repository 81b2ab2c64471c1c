"""The gate that takes bad parts off the line."""

from edge.gate.gate import Gate, NoGate, SimulatedGate, open_gate

__all__ = ["Gate", "NoGate", "SimulatedGate", "open_gate"]
