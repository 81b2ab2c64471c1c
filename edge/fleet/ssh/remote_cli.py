"""The device's own commands, as they are called there."""

from __future__ import annotations

import shlex

from edge.fleet.bundle import Bundle


class RemoteCli:
    """Command lines for the device's shell, and what their failures mean."""

    def __init__(self, edge: str, config: str) -> None:
        """``edge`` is taken as it stands, so that it may be several words."""
        self._edge, self._config = edge, config

    def offer(self, bundle: Bundle | None) -> str:
        named = ["--sha256", bundle.sha256, "--size", str(bundle.size)] if bundle else []
        return self._words("offer", *named)

    def receive(self, bundle: Bundle) -> str:
        return self._words("receive", "--sha256", bundle.sha256, "--size", str(bundle.size))

    def install(self, path: str, request: str, within_s: float) -> str:
        """``path`` is the device's."""
        return self._words("install", path, "--wait", "--within", f"{within_s:.0f}", "--json", "--request", request)

    def _words(self, *words: str) -> str:
        return f"{self._edge} {shlex.join(['slots', *words, '-c', self._config])}"

    def explain(self, status: int, complaint: str) -> str:
        if status in (126, 127):
            return f"no command {self._edge!r} there ({complaint}); install edgeline, or say where it is with --edge"
        if status == 2:
            return f"its edgeline does not know what is asked ({complaint}); update it"
        return complaint or f"{self._edge} ended there with status {status} and said nothing"
