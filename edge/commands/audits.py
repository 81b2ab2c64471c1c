"""Samples for people to label: the next so many records, with their scores, when a request asks for them."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from edge.buffer import Buffer
from edge.decide import Decision
from edge.messages import Audit, Identity, encode
from edge.record import Record

WANTED_MOST = 10_000


class AuditDesk:
    """``request`` may be called by any thread, ``look_at`` by the one that writes the buffer."""

    def __init__(self, buffer: Buffer) -> None:
        self.identity: Identity | None = None
        """Who speaks; nothing is kept before this is known."""
        self._buffer = buffer
        self._wanted: deque[str] = deque(maxlen=WANTED_MOST)
        self._seq = 0

    def request(self, id_: str, count: int) -> None:
        """The next ``count`` records."""
        self._wanted.extend([id_] * count)

    def look_at(self, record: Record, decision: Decision) -> None:
        """Keeps a sample of this record, if one is wanted."""
        if not self._wanted or self.identity is None:
            return
        audit = Audit(
            **self.identity.head(self._seq),
            request=self._wanted.popleft(),
            record_seq=record.seq,
            camera=record.camera,
            part=record.part,
            wall_ns=record.wall_ns,
            label=decision.label,
            score=round(float(decision.score), 6),
            scores=_by_label(self.identity.labels, decision.scores.tolist()),
        )
        self._seq += 1
        self._buffer.put("audit", audit.seq, encode(audit), self.identity.model)


def _by_label(labels: Sequence[str], scores: Sequence[float]) -> dict[str, float]:
    if len(labels) != len(scores):
        return {}  # one score for two labels, or a chain of models
    return {label: round(score, 6) for label, score in zip(labels, scores, strict=True)}
