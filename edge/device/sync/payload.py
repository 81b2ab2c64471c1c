"""Payload of an outbox entry on its way out: JSON, with the wall clock as it is believed by now.

A stamp from before the clock was set is corrected by the offset that the same boot saw last. Where that clock had not
been set by any time service either, ``synchronized`` in the message says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

from edge.core.clock import STEP_NS, corrected
from edge.device.sync.outbox import OutboxEntry
from edge.protocol.messages import Identity, Predictions, encode
from edge.protocol.record import CLOCK_CORRECTED, Record, unpack


def payload_of(entry: OutboxEntry, identity: Identity) -> bytes:
    """The message. Raises ValueError when the entry is damaged."""
    if entry.kind == "predictions":
        return _predictions(entry, identity)
    if not entry.payload:
        raise ValueError("its payload is damaged")
    return _shifted(entry) if entry.kind == "drift" else entry.payload


def believed(records: Iterator[Record], offset_ns: int | None) -> Iterator[Record]:
    """With wall times as the boot's last offset says; those that this changed are flagged."""
    for record in records:
        wall_ns = corrected(record.wall_ns, record.captured_ns, offset_ns)
        if wall_ns != record.wall_ns:
            yield record._replace(wall_ns=wall_ns, flags=record.flags | CLOCK_CORRECTED)
        else:
            yield record


def _predictions(entry: OutboxEntry, identity: Identity) -> bytes:
    judge = replace(identity, model=entry.model, model_version=entry.model_version, labels=entry.labels)
    identity = replace(judge, boot_id=entry.boot_id)
    records = tuple(believed(unpack(entry.payload), entry.offset_ns))
    head = identity.head(entry.seq)
    return encode(Predictions(**head, labels=identity.labels, records=records, synchronized=entry.synchronized))


def _shifted(entry: OutboxEntry) -> bytes:
    """A drift window's times moved by the step that the clock made after the window closed."""
    step_ns = (entry.offset_ns or 0) - (entry.made_offset_ns or 0)
    if entry.offset_ns is None or entry.made_offset_ns is None or abs(step_ns) <= STEP_NS:
        return entry.payload
    fields = json.loads(entry.payload)
    for key in ("start_ns", "end_ns"):
        fields["window"][key] = max(0, fields["window"][key] + step_ns)
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode()
