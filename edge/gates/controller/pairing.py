"""Which part is on which frame: triggers of the photo-eye and frames of the cameras, paired by time stamp."""

from __future__ import annotations

from dataclasses import dataclass, field

from edge.inference.judgement import Judgement


@dataclass(slots=True)
class PendingPart:
    """A part between photo-eye and gate."""

    number: int
    """The controller's."""
    due: int
    """Tick at which it is at the gate, modulo 2**32."""
    seen_ns: int
    """When it passed the photo-eye, by this device's monotonic clock."""
    judgements: list[Judgement] = field(default_factory=list)
    """Those of which nothing came yet."""
    sent: str = ""
    """``reject`` or ``pass`` once the controller was told."""
    missed: str = ""
    """Why it went past the gate, or will."""
    fired: int | None = None
    """Tick at which the gate opened for it."""

    @property
    def settled(self) -> bool:
        return self.fired is not None or self.missed != ""

    @property
    def reject(self) -> bool:
        return any(judgement.decision.reject for judgement in self.judgements)


class Pairing:
    """The parts underway, oldest first. Not thread-safe.

    A frame belongs to the part whose trigger is nearest to ``captured_ns - delay``, if it is within the tolerance.
    Frames of one camera come in the order of the parts, so a later frame never gets an earlier part.
    """

    def __init__(self, tolerance_ns: int, delay_ns: int) -> None:
        self._tolerance_ns, self._delay_ns = tolerance_ns, delay_ns
        self._parts: dict[int, PendingPart] = {}
        self._last_ns: dict[int, int] = {}

    def add(self, part: PendingPart) -> None:
        self._parts[part.number] = part

    def pair(self, judgement: Judgement) -> PendingPart | None:
        """The part that it judged, which then has it in ``judgements``; None while there is no such part."""
        wanted_ns = judgement.captured_ns - self._delay_ns
        min_ns = max(wanted_ns - self._tolerance_ns, self._last_ns.get(judgement.camera, -1) + 1)
        found: PendingPart | None = None
        for part in reversed(self._parts.values()):
            if part.seen_ns < min_ns:
                break
            nearer = found is None or abs(part.seen_ns - wanted_ns) < abs(found.seen_ns - wanted_ns)
            if part.seen_ns <= wanted_ns + self._tolerance_ns and nearer:
                found = part
        if found is not None:
            self._last_ns[judgement.camera] = found.seen_ns
            found.judgements.append(judgement)
        return found

    def find(self, number: int) -> PendingPart | None:
        """The part of that number, while it is underway."""
        return self._parts.get(number)

    def remove(self, part: PendingPart) -> None:
        del self._parts[part.number]

    def oldest(self) -> PendingPart | None:
        return next(iter(self._parts.values()), None)

    def clear(self) -> list[PendingPart]:
        """Everything underway, which is then forgotten: the controller restarted."""
        parts = list(self._parts.values())
        self._parts.clear()
        self._last_ns.clear()
        return parts
