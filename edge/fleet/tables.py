"""Tables of what was found and what was done, one line for each device."""

from __future__ import annotations

from collections.abc import Sequence

from edge.fleet.connector import DeployResult, Inspection
from edge.protocol.inventory import RunningModel

_NUMBERS = ("free", "sent", "time")


def seen_table(seen: Sequence[Inspection]) -> list[str]:
    """A head and one line a device, in the order of ``seen``."""
    head = ("target", "device", "edge", "machine", "free", "runs", "slot", "")
    return _aligned([head, *(_seen_cells(one) for one in seen)])


def result_table(results: Sequence[DeployResult]) -> list[str]:
    """Table of results, in the form of :func:`seen_table`."""
    head = ("target", "device", "model", "slot", "sent", "time", "result", "")
    return _aligned([head, *(_result_cells(one) for one in results)])


def size(count: int | None) -> str:
    """Bytes for people."""
    if count is None:
        return "-"
    return f"{count / 1e6:.1f} MB" if count >= 100_000 else f"{count / 1e3:.1f} kB"


def _seen_cells(seen: Inspection) -> tuple[str, ...]:
    said = seen.problem or ("runs it already" if seen.unchanged else f"slot {seen.trial} on trial" * bool(seen.trial))
    where = (seen.target, seen.device or "-", seen.edge or "-", seen.machine or "-", size(seen.free_bytes))
    return (*where, str(seen.runs), _slot(seen.runs), said)


def _result_cells(result: DeployResult) -> tuple[str, ...]:
    return (
        *(result.target, result.device or "-", _change(result), _slot(result.after)),
        *(size(result.sent_bytes), f"{result.seconds:.1f} s", result.result, result.reason),
    )


def _change(result: DeployResult) -> str:
    before, after = str(result.before), str(result.after)
    return before if result.before == result.after else f"{before} → {after}"


def _slot(runs: RunningModel) -> str:
    return runs.slot or "-"


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    head = rows[0]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if name in _NUMBERS else cell.ljust(width)
            for name, cell, width in zip(head, row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]
