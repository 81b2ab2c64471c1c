"""Table of the slots, as one line of JSON with a checksum: the pointer file, and each line of the history."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from edge.core.structs import build, plain
from edge.errors import StateError
from edge.protocol.messages import TrialOutcome

NAMES = ("A", "B")
FACTORY = ""
"""Stands for the model of the configuration, ``model.path``, where a slot's name may stand."""
CANDIDATE, GOOD, BAD = "candidate", "good", "bad"
SCHEMA = 1
_SUM = "sum"


@dataclass(frozen=True, slots=True)
class SlotEntry:
    """The model in a slot."""

    model: str
    version: int
    sha256: str
    """SHA-256 of the whole artifact; its file is called so."""
    size: int
    """In bytes."""
    mark: str
    """candidate: not tried to the end yet; good: was committed once; bad: was rolled back, or is damaged."""
    installed_ns: int
    """Wall clock."""
    key: str = ""
    """Id of the key that signed it, or :data:`edge.trust.store.UNSIGNED`: its ratchet moves with a commit."""
    source: str = ""
    """Name of whoever or whatever brought it."""
    reason: str = ""
    """Why it is bad."""


@dataclass(frozen=True, slots=True)
class SlotEvent:
    """One change: installed, trial, attempt, committed, rolled back, activated, refused or damaged."""

    number: int
    """Counts the changes, from 1."""
    wall_ns: int
    event: str
    slot: str = ""
    """Which it concerns; empty: none, or the factory model."""
    model: str = ""
    version: int = 0
    sha256: str = ""
    reason: str = ""
    request: str = ""
    """Id of the roll-out or command that asked for it."""


@dataclass(frozen=True, slots=True)
class SlotTable:
    """The whole memory of the slots, after its last event."""

    active: str = FACTORY
    trial: str = ""
    attempts: int = 0
    """Loads that the slot on trial has left."""
    request: str = ""
    """Name of whoever asked for the trial."""
    held: dict[str, SlotEntry] = field(default_factory=dict)
    """By the slot's name; an empty slot is not in it."""
    outcome: TrialOutcome | None = None
    event: SlotEvent | None = None
    schema: int = SCHEMA

    @property
    def number(self) -> int:
        """Number of the last event."""
        return self.event.number if self.event else 0


def encode(kept: SlotTable) -> bytes:
    """One line, the checksum in it."""
    fields = plain(kept)
    return _canonical(fields | {_SUM: _sum(fields)}) + b"\n"


def decode(line: bytes) -> SlotTable | None:
    """None for what is torn or damaged. Raises StateError for what a newer edgeline wrote."""
    try:
        fields = json.loads(line)
        if not isinstance(fields, dict) or fields.pop(_SUM, None) != _sum(fields):
            return None
        if fields["schema"] > SCHEMA:
            raise StateError(f"slots: written by a newer edgeline (schema {fields['schema']}); update this one")
        return build(SlotTable, fields, strict=False)
    except (ValueError, KeyError, TypeError):
        return None


def _canonical(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _sum(fields: dict[str, Any]) -> str:
    return hashlib.sha256(_canonical(fields)).hexdigest()[:16]
