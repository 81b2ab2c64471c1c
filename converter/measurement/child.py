"""A Python process of its own for what does not go together with this one."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence

from converter.progress import Progress


def talk(command: Sequence[str], progress: Progress, environment: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Runs it; its standard output is progress. Its status, and the last line that it wrote to standard error."""
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, env={**os.environ, **(environment or {})}
        ) as child:
            assert child.stdout is not None
            for line in child.stdout:
                progress.say(line.rstrip("\n"))
        log.seek(0)
        lines = [line for line in log.read().splitlines() if line.strip()]
    return child.returncode, lines[-1] if lines else f"status {child.returncode}"
