"""What a line says of its gate: in the closing report and in its health messages."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from edge.device.config import load_config
from edge.device.line import run_line


def run(write_config: Callable[..., Path], tmp_path: Path, gate: str) -> tuple[dict[str, int], dict[str, object]]:
    """The report's counters, and the last health message."""
    out = tmp_path / "out.jsonl"
    config = write_config(gate=gate, reject=["red"], broker=f"file://{out}")
    report = run_line(load_config(config))
    messages = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    health = [message["payload"] for message in messages if message["topic"].endswith("/health")]
    return report.gate, health[-1]


def test_report_and_health_have_its_counters_and_slack(write_config: Callable[..., Path], tmp_path: Path) -> None:
    report, health = run(write_config, tmp_path, "sim://?delay_ms=60000")
    assert report == {"rejected": 10, "passed": 20, "fired": 10, "missed": 0}
    assert health["gate"]["counters"] == report  # type: ignore[index]
    slack = health["gate"]["slack"]  # type: ignore[index]
    assert sum(slack) == slack[-1] == 30  # more than eight seconds before
    assert len(slack) == len(health["gate"]["slack_edges_ms"]) + 1  # type: ignore[index]


def test_a_line_that_only_watches_reports_no_gate(write_config: Callable[..., Path], tmp_path: Path) -> None:
    report, health = run(write_config, tmp_path, "none")
    assert set(report.values()) == {0}
    assert health["gate"] is None
