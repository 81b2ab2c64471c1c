"""The keys and versions that a device trusts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.trust.store import FOLDER, Trust

if TYPE_CHECKING:
    from edge.device.config import Config


def trust_of(config: Config) -> Trust:
    """Trust in the state folder of a configuration, with its rules for new models."""
    return Trust(
        config.device.state / FOLDER,
        require_signature=config.slots.require_signature,
        max_version_jump=config.slots.max_version_jump,
    )
