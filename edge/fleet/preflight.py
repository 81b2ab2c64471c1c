"""Preflight: what a device said of itself against what is to be sent; refusals that need no transfer."""

from __future__ import annotations

from edge.fleet.bundle import Bundle
from edge.fleet.tables import size
from edge.protocol.inventory import Inventory

MARGIN_BYTES = 1 << 20
"""Room that is left for the slots' own files and the line's."""


def obstacle(bundle: Bundle, offer: Inventory) -> str:
    """Why the device would not take it, and the way out; empty when it might. It judges again by itself."""
    if offer.problem:
        return offer.problem
    if offer.machine and not bundle.fits(offer.machine):
        return f"made for {', '.join(bundle.hardware)}, this device is {offer.machine}; convert for it"
    if offer.trial and offer.trial_sha256 != bundle.sha256:
        return f"slot {offer.trial} is on trial; wait for its end, or 'edge slots rollback' there"
    return _signature(bundle, offer) or _room(bundle, offer)


def runs_it(bundle: Bundle, offer: Inventory) -> bool:
    return offer.runs.sha256 == bundle.sha256


def _signature(bundle: Bundle, offer: Inventory) -> str:
    if not offer.require_signature:
        return ""
    if not bundle.key:
        return "not signed, and this device takes only signed models; sign it with 'edge keys sign'"
    if bundle.key not in offer.keys:
        trusted = ", ".join(offer.keys) or "none"
        return f"signed with key {bundle.key}, this device trusts {trusted}; 'edge keys trust' there adds one"
    return ""


def _room(bundle: Bundle, offer: Inventory) -> str:
    needed = bundle.size - offer.have + MARGIN_BYTES
    if offer.free_bytes is not None and offer.free_bytes < needed:
        return f"{size(offer.free_bytes)} free for the slots, {size(needed)} are needed; free some"
    return ""
