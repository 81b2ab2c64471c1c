"""How a trial ended, from what the device says afterwards."""

from __future__ import annotations

from dataclasses import dataclass

from edge.flash.client import Answer
from edge.flash.deliverer import Ending
from edge.flash.offer import Offer
from edge.flash.parcel import Parcel

_REFUSED = 4
"""Exit status of an ArtifactError."""
_OUTCOMES: dict[str, Ending] = {"committed": "committed", "rolled back": "rolled back", "refused": "refused"}


@dataclass(frozen=True, slots=True)
class Ended:
    result: Ending
    reason: str = ""


def ended(parcel: Parcel, request: str, offer: Offer, answer: Answer | None) -> Ended | None:
    """None while it has not ended, or not begun. ``answer`` is that of ``edge slots install``, None when the
    connection was lost before it came. The device is believed rather than the answer: it says what it wrote down.
    """
    outcome = offer.outcome
    if outcome is not None and outcome.request == request and outcome.result in _OUTCOMES:
        return Ended(_OUTCOMES[outcome.result], outcome.reason)
    if offer.runs.sha256 == parcel.sha256:
        return Ended("committed")
    if offer.trial_sha256 == parcel.sha256:
        return None if offer.daemon else Ended("installed", "its trial begins with the daemon's next start")
    if answer is None:
        return None
    said = answer.complaint or f"'edge slots install' ended with status {answer.status}, but {offer.runs} runs"
    return Ended("refused" if answer.status == _REFUSED else "failed", said)
