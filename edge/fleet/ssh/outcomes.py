"""Outcome of a trial, from what the device says."""

from __future__ import annotations

from dataclasses import dataclass

from edge.fleet.bundle import Bundle
from edge.fleet.connector import Ending
from edge.fleet.ssh.client import CommandResult
from edge.protocol.inventory import Inventory, RunningModel, last_object

_ENDINGS: dict[str, Ending] = {
    "active": "committed",
    "installed": "installed",
    "committed": "committed",
    "rolled back": "rolled back",
    "refused": "refused",
}
"""By what ``edge slots install --json`` and the outcome in the slots call it. ``active`` says one asked again:
what ran before was looked at before anything was sent."""
_RUNS: tuple[Ending, ...] = ("committed",)
WAITS = "its trial begins with the daemon's next start"


@dataclass(frozen=True, slots=True)
class Ended:
    result: Ending
    reason: str = ""
    runs: RunningModel | None = None
    """Model that the device runs now; None: what it ran before."""


def answered(bundle: Bundle, answer: CommandResult) -> Ended | None:
    """From what ``edge slots install --wait --json`` has said; None when that was nothing, or that it goes on."""
    said = last_object(answer.text) or {}
    result = _ENDINGS.get(str(said.get("result", "")))
    if result is None:
        return None
    slot, reason = str(said.get("slot", "")), str(said.get("reason", ""))
    if result == "installed":
        return Ended(result, f"in slot {slot}; {WAITS}")
    # A refusal begins with the file's name there, which nobody knows here.
    reason = reason.partition(f"{bundle.sha256}.tflite: ")[2] or reason
    return Ended(result, reason, _running(bundle, slot) if result in _RUNS else None)


def ended(bundle: Bundle, request: str, offer: Inventory, answer: CommandResult | None) -> Ended | None:
    """From what the device says of itself afterwards; None while the trial has not ended, or not begun. ``answer``
    is None when the connection was lost before it came.
    """
    outcome, runs = offer.outcome, offer.runs
    if outcome is not None and outcome.request == request and outcome.result in _ENDINGS:
        return Ended(_ENDINGS[outcome.result], outcome.reason, runs)
    if runs.sha256 == bundle.sha256:
        return Ended("committed", "", runs)
    if offer.trial_sha256 == bundle.sha256:
        return None if offer.daemon else Ended("installed", f"in slot {offer.trial}; {WAITS}", runs)
    if answer is None:
        return None
    said = answer.complaint or f"'edge slots install' ended with status {answer.status}, but {runs} runs"
    return Ended("failed", said, runs)


def _running(bundle: Bundle, slot: str) -> RunningModel:
    return RunningModel(bundle.model, bundle.version, bundle.sha256, slot)
