"""What a running daemon really sends fits the schemas that are shipped."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from edge.protocol.schemas import document
from edge.protocol.topics import parse
from tests.support.daemon import Daemon

pytestmark = pytest.mark.system


def test_everything_that_a_daemon_sends_fits_its_schema(
    tmp_path: Path, write_config: Callable[..., Path], start: Callable[..., Daemon], watched: Path
) -> None:
    out = tmp_path / "sent.jsonl"
    config = write_config(
        source="sim://line?width=64&height=48&fps=100&count=200",
        model=watched,
        broker=f"file://{out}",
        extra="[drift]\nwindow = 50\n[health]\ninterval_s = 0.5\n[buffer]\ncommit_s = 0.2",
    )
    start(config).report()
    schemas, seen = document()["components"]["schemas"], Counter[str]()
    for line in map(json.loads, out.read_text().splitlines()):
        kind = parse("edge", line["topic"]).kind
        jsonschema.validate(line["payload"], schemas[kind], jsonschema.Draft202012Validator)
        seen[kind] += 1
    assert set(seen) >= {"status", "health", "drift", "stats", "predictions"}
    assert sum(len(line["payload"]["records"]) for line in lines(out) if "records" in line["payload"]) > 100


def lines(path: Path) -> list[dict[str, dict[str, list[object]]]]:
    return [json.loads(line) for line in path.read_text().splitlines()]
