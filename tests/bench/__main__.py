"""``python -m tests.bench [SECTION ...]``: the table, and build/bench.json. Status 1 when a bar is missed."""

from __future__ import annotations

import importlib
import json
import sys
import tempfile
from pathlib import Path

from tests.bench.setting import Setting
from tests.bench.timing import Row

SECTIONS = (
    "device",
    "start",
    "swap",
    "path",
    "tensors",
    "tail",
    "frameworks",
    "belt",
    "health",
    "cameras",
    "gate",
    "faults",
    "wear",
    "drain",
    "flash",
    "sustained",
    "converter",
    "drift",
    "failing_loudly",
    "alarms",
    "fleet",
    "fuzz",
    "dashboard",
    "arm64",
)
"""Modules of this folder, each with ``rows(setting)``."""
OUT = Path("build") / "bench.json"


def main(wanted: list[str]) -> int:
    unknown = [name for name in wanted if name not in SECTIONS]
    if unknown:
        sys.stderr.write(f"bench: no section {unknown[0]!r}; known are {', '.join(SECTIONS)}\n")
        return 2
    found: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        setting = Setting(Path(folder))
        for name in wanted or SECTIONS:
            sys.stdout.write(f"{name}\n")
            for row in importlib.import_module(f"tests.bench.{name}").rows(setting):
                sys.stdout.write(_line(row) + "\n")
                sys.stdout.flush()
                found.append(row)
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps([row.__dict__ | {"ratio": row.ratio} for row in found], indent=2) + "\n", "utf-8")
    return int(not all(row.holds for row in found))


def _line(row: Row) -> str:
    other = "" if row.other is None else f"against {row.other:8.3f} {row.unit:<3}"
    ratio = "" if row.ratio is None else f"ratio {row.ratio:6.2f}"
    mark = "✓" if row.holds else "✗"
    return f"{mark} {row.name:<72} {row.ours:8.3f} {row.unit:<3} {other:<22} {ratio:<13} bar: {row.bar}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
