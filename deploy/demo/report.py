"""The demo's report: what came out, held against what the simulator knows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.demo.line import DIM_AT, FPS, SOURCE, Run
from edge.monitor import Store
from edge.protocol.record import REJECTED, Record
from edge.sim import SimulatedLine

DEVICE = "cookie-line-1"
CAUGHT_LEAST = 0.9
FALSE_REJECTS_MOST = 0.05
P99_MOST_MS = 100.0
FOUND_WITHIN = 2
"""Whole windows after the light dimmed."""


@dataclass(frozen=True)
class Check:
    what: str
    holds: bool
    figure: str


@dataclass(frozen=True)
class Tally:
    """Decisions against ground truth."""

    defects: int
    caught: int
    good: int
    false_rejects: int


def checks(run: Run) -> list[Check]:
    """Every claim of the demo; it fails when one of them does not hold."""
    with closing(Store(run.store)) as store:
        records = [record for _, record in store.records(DEVICE)]
        windows = [json.loads(text) for text in store.messages("drift", DEVICE)]
        drifts = store.count("drift", DEVICE)
    return [
        *_accounting(run.report, records, drifts),
        *_quality(run.report, records),
        *_drift(windows),
    ]


def _accounting(report: dict[str, Any], records: Sequence[Record], drifts: int) -> list[Check]:
    captured, decided, dropped = report["captured"], report["decided"], sum(report["dropped"].values())
    buffered, delivered = report["buffered"], len(records)
    return [
        Check(
            "every frame accounted for",
            captured == decided + dropped and decided > 0,
            f"captured {captured} = decided {decided} + dropped {dropped}",
        ),
        Check(
            "every record delivered once, over the broker's absence",
            buffered == delivered == decided and report["pending"] == 0,
            f"buffered {buffered}, delivered {delivered}",
        ),
        Check(
            "every drift window delivered once",
            drifts == report["windows"] and drifts > 0,
            f"{report['windows']} sent, {drifts} delivered",
        ),
    ]


def _quality(report: dict[str, Any], records: Sequence[Record]) -> list[Check]:
    bright, dim = tally(records)
    p50, p99 = (report["latency_us"][name] / 1000 for name in ("p50", "p99"))
    share = bright.caught / max(1, bright.defects)
    false_share = bright.false_rejects / max(1, bright.good)
    return [
        Check(
            "defects caught while the light is right",
            share >= CAUGHT_LEAST,
            f"{bright.caught} of {bright.defects} caught, {bright.defects - bright.caught} missed; after the light "
            f"dimmed {dim.caught} of {dim.defects}",
        ),
        Check(
            "good cookies kept while the light is right",
            false_share <= FALSE_REJECTS_MOST,
            f"{bright.false_rejects} of {bright.good} blown off; after the light dimmed {dim.false_rejects} of "
            f"{dim.good}",
        ),
        Check(
            f"p99 below {P99_MOST_MS:.0f} ms from capture to decision",
            p99 < P99_MOST_MS,
            f"p50 {p50:.1f} ms, p99 {p99:.1f} ms",
        ),
    ]


def _drift(windows: Sequence[dict[str, Any]]) -> list[Check]:
    early = [window for window in windows if window["window"]["last_seq"] < DIM_AT and window["drifted"]]
    late = [window for window in windows if window["window"]["last_seq"] >= DIM_AT]
    found = next((number for number, window in enumerate(late) if window["drifted"]), None)
    if found is None:
        figure = "not found"
    else:
        window = late[found]
        first = ", ".join(column["name"] for column in window["columns"][:3] if column["drifted"])
        parts = f"{window['window']['first_seq']} to {window['window']['last_seq']}"
        figure = f"in window {window['seq']} (parts {parts}): {first}"
    return [
        Check("no drift before the light dimmed", not early, f"{len(early)} of {len(windows) - len(late)} windows"),
        Check(
            f"drift found once the light dimmed at part {DIM_AT}", found is not None and found <= FOUND_WITHIN, figure
        ),
    ]


def tally(records: Sequence[Record]) -> tuple[Tally, Tally]:
    """Before and after the light dimmed. The photo-eye's clock tells which part a frame shows."""
    line = SimulatedLine.from_uri(SOURCE)
    first = min(record.captured_ns for record in records) if records else 0
    parts = [(round((record.captured_ns - first) * FPS / 1e9), bool(record.flags & REJECTED)) for record in records]
    judged = [(part, line.truth(part) != "whole", rejected) for part, rejected in parts]
    return _tally([item for item in judged if item[0] < DIM_AT]), _tally(
        [item for item in judged if item[0] >= DIM_AT]
    )


def _tally(judged: Sequence[tuple[int, bool, bool]]) -> Tally:
    return Tally(
        defects=sum(bad for _, bad, _ in judged),
        caught=sum(bad and rejected for _, bad, rejected in judged),
        good=sum(not bad for _, bad, _ in judged),
        false_rejects=sum(rejected and not bad for _, bad, rejected in judged),
    )


def render(found: Sequence[Check]) -> str:
    """A table for the terminal."""
    width = max(len(check.what) for check in found)
    return "\n".join(f"  {'✓' if check.holds else '✗'} {check.what:<{width}}  {check.figure}" for check in found)


def save(found: Sequence[Check], path: Path) -> None:
    """The same as JSON."""
    rows = [{"what": check.what, "holds": check.holds, "figure": check.figure} for check in found]
    path.write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n", "utf-8")
