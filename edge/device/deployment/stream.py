"""An artifact on its way in: bytes from an offset on, whichever way they come."""

from __future__ import annotations

from typing import Protocol

from edge.errors import LinkError


class GoneError(LinkError):
    """The other side answers, and does not have it."""


class NotWantedError(LinkError):
    """Nobody wants it any more."""


class ArtifactStream(Protocol):
    """Used by one thread. Both methods may be called after an error, too."""

    def read(self, size: int, /) -> bytes:
        """1 to ``size`` bytes; none at the end. Waits for them, within limits.

        Raises LinkError for a link that is lost, GoneError or StoppedError.
        """
        ...

    def close(self) -> None:
        """Never raises."""
        ...
