"""Crash loops: how often the daemon was brought down with the active model, by a fault that shows only after the
trial.

What counts against a model is a process that was gone without a word, within one run of the operating system. A power
cut, an end in order or an error with a reason (a camera that is not there) say nothing about it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import time
from pathlib import Path

from edge.core.atomic import write_whole

log = logging.getLogger(__name__)

FILE = "unproven.json"
MOST = 3
"""So often in a row; systemd starts a daemon ten times before it waits."""
PROVED_S = 300.0
"""A model that judged for so long is no crash loop, whatever comes."""
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class CrashLoop:
    """One file in the folder of the slots, written at a start and removed at an orderly end. A disk that refuses it
    costs the protection, not the line.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._until_s: float | None = None

    def ends(self, sha256: str) -> int:
        """Number of runs with this artifact, one after another, that were brought down before it had proved
        itself."""
        try:
            kept = json.loads(self._path.read_bytes())
            return int(kept["runs"]) if (kept["sha256"], kept["boot"]) == (sha256, _boot_id()) else 0
        except (OSError, ValueError, KeyError, TypeError):
            return 0

    def begin(self, sha256: str) -> None:
        """It begins to judge with this artifact; empty: the factory model; there is no way back from that."""
        boot = _boot_id()
        if not sha256 or not boot:
            self.clear()
            return
        note = {"sha256": sha256, "boot": boot, "runs": self.ends(sha256) + 1}
        try:
            write_whole(self._path, json.dumps(note).encode())
        except OSError as error:
            log.warning("%s: not written (%s)", self._path, error.strerror)
        self._until_s = time.monotonic() + PROVED_S

    def look(self) -> None:
        """Forgets the crashes of a model that has judged for long enough; to be called now and then."""
        if self._until_s is not None and time.monotonic() >= self._until_s:
            self.clear()

    def clear(self) -> None:
        """Nothing is held against the model that judges."""
        self._until_s = None
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)


def _boot_id() -> str:
    """Id of this run of the operating system; empty where the kernel does not tell."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""
