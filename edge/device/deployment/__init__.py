"""Deployment: how a new model comes to judge the line, and what sends it back; see README.md."""

from edge.device.deployment.controller import DeploymentController, Ways
from edge.device.deployment.hot_swap import ActiveModels, HotSwap
from edge.device.deployment.start import StartModels, active_file, begin

__all__ = ["ActiveModels", "DeploymentController", "HotSwap", "StartModels", "Ways", "active_file", "begin"]
