"""A snapshot, or what is left of one, as a page for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edge.core.clock import local_time
from edge.device.health.camera_view import RATE_S, RECENT_S
from edge.device.health.snapshot import Snapshot
from edge.device.slots import SlotsState
from edge.device.status.models import slot_lines
from edge.device.status.offline import OfflineStatus
from edge.gates.slack import Slack
from edge.gates.tally import tally_parts
from edge.protocol.messages import CameraCounts, GateState, Health, Latency

_MB = 1 << 20


def running(snapshot: Snapshot, problems: Sequence[str]) -> str:
    """``problems`` as :func:`edge.device.health.snapshot.problems_at` tells them at this moment."""
    health = snapshot.health
    lines = [
        ("device", f"{health.device}{_where(health)}, {_verdict(problems)}"),
        *(("", f"! {problem}") for problem in problems),
        ("boot", f"{health.boot_id}, up {_duration(health.uptime_s)}, process {snapshot.pid}"),
        ("model", _model(health)),
        *slot_lines(snapshot.slots),
        *(line for camera in health.cameras for line in _camera(camera)),
        *(_totals(health) if len(health.cameras) > 1 else ()),
        *(_gate(health.gate) if health.gate is not None else ()),
        ("drift", _drift(snapshot)),
        ("buffer", _buffer(health)),
        ("sync", _sync(snapshot)),
        ("system", _system(health)),
    ]
    return _page(lines)


def headline(snapshot: Snapshot) -> str:
    """Line that says what runs and how fast, as ``systemctl status`` shows it."""
    health = snapshot.health
    text = f"{_model(health)}, {health.rate_fps:.1f} decisions/s"
    if health.latency_us.p99:
        text += f", p99 {health.latency_us.p99 / 1000:.1f} ms"
    away = sum(camera.lost for camera in health.cameras)
    return text + (f", {away} of {len(health.cameras)} cameras away" if away else "")


def stopped(remains: OfflineStatus | None, slots: SlotsState | None = None) -> str:
    """Page about the state folder of a daemon that does not run."""
    if remains is None:
        none = ("boot", "none yet: no daemon has run on this state folder")
        return _page([("device", "not running"), none, *slot_lines(slots)])
    boot = (
        f"{remains.boot_id}, started {_clock(remains.started_ns)}, the {_ordinal(remains.boots)} on this state folder"
    )
    lines = [
        ("device", "not running"),
        ("boot", boot if remains.boots else "none yet"),
        ("model", remains.model or "unknown: no decision is kept"),
        *slot_lines(slots),
        ("decided", f"last {_clock(remains.last_decision_ns)}"),
        (
            "buffer",
            f"{remains.entries} entries, {remains.pending} wait for the broker; {_size(remains.bytes)}, "
            f"{remains.evicted} records evicted",
        ),
    ]
    if remains.damaged:
        lines.append(("", f"! {remains.damaged} damaged buffer files were set aside in this folder"))
    return _page(lines)


def _model(health: Health) -> str:
    return health.model + (f" v{health.model_version}" if health.model_version else "")


def _page(lines: Sequence[tuple[str, str]]) -> str:
    return "".join(f"{name:<9} {_plain(text)}\n" for name, text in lines)


def _camera(camera: CameraCounts) -> Iterator[tuple[str, str]]:
    state = "LOST" if camera.lost else ", ".join(camera.faults).upper() or "up"
    losses = f"lost {camera.losses} times so far" if camera.losses else "never lost"
    yield "camera", f"{camera.name}, {state}, {losses}"
    yield "frames", _frames(camera, camera.recent_dropped)
    if camera.missed:
        yield "", f"{camera.missed} more were lost by the camera or its driver"
    if camera.judged != camera.decided:
        yield "parts", f"{camera.judged} judged, {camera.parts_lost} out of sight before they could be"
    yield "", f"{camera.rate_fps:.1f} decisions a second over the last {RATE_S:.0f} s"
    yield from _latency(camera.latency_us, camera.latency_boot_us)


def _totals(health: Health) -> Iterator[tuple[str, str]]:
    yield "total", _frames(health, None)
    yield "", f"{health.rate_fps:.1f} decisions a second over the last {RATE_S:.0f} s"
    yield from _latency(health.latency_us, health.latency_boot_us)


def _frames(counts: CameraCounts | Health, recent: dict[str, int] | None) -> str:
    dropped = sum(counts.dropped.values())
    reasons = f" ({_reasons(counts.dropped)})" if dropped else ""
    lately = f"; within {RECENT_S:.0f} s: {_reasons(recent)}" if recent else ""
    under_way = max(0, counts.captured - counts.decided - dropped)
    waiting = f" + under way {under_way}" if under_way else ""
    return f"captured {counts.captured} = decided {counts.decided} + dropped {dropped}{reasons}{waiting}{lately}"


def _reasons(dropped: dict[str, int]) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in sorted(dropped.items()))


def _latency(recent: Latency, boot: Latency | None) -> Iterator[tuple[str, str]]:
    yield "latency", f"{'ms':<12}{'p50':>9}{'p90':>9}{'p99':>9}{'p99.9':>9}{'max':>9}"
    for name, latency in ((f"last {RECENT_S:.0f} s", recent), ("since start", boot)):
        if latency is not None:
            values = (latency.p50, latency.p90, latency.p99, latency.p999 or 0.0, latency.max)
            yield "", f"{name:<12}" + "".join(f"{value / 1000:>9.2f}" for value in values)


def _gate(gate: GateState) -> Iterator[tuple[str, str]]:
    state = "AWAY" if gate.problem else ", ".join(gate.faults).upper() or "up"
    if gate.open_since_ns:
        state = f"MAY BE OPEN since {_clock(gate.open_since_ns)}, {state}"
    yield "gate", state + (f", firmware {gate.firmware}, boot {gate.boots}" if gate.firmware else "")
    sums, reasons, others = tally_parts(gate.counters)
    missed = f"missed {sums['missed']}" + (f" ({_reasons(reasons)})" if reasons else "")
    under_way = sums["rejected"] - sums["fired"] - sums["missed"]
    waiting = f" + under way {under_way}" if under_way > 0 else ""
    yield "", f"rejected {sums['rejected']} = fired {sums['fired']} + {missed}{waiting}; passed {sums['passed']}"
    if seen := {name.replace("_", " "): count for name, count in others.items() if count and name != "connected"}:
        yield "", _reasons(seen)
    slack = Slack(gate.slack, 0.0)
    if slack.total:
        p1, p50 = slack.at_least_ms(0.99), slack.at_least_ms(0.5)
        yield "slack", f"p1 {p1} ms, p50 {p50} ms before the gate; {slack.late} of {slack.total} decisions too late"


def _drift(snapshot: Snapshot) -> str:
    drift = snapshot.drift
    if drift is None:
        return "not watched: the model has no drift reference"
    if drift.number is None:
        return "no window is full yet"
    last = f"window {drift.number}, until {_clock(drift.end_ns)}"
    verdict = f"DRIFTED: {', '.join(drift.columns)}" if drift.drifted else "no drift"
    return f"{verdict} ({last}); {drift.drifted_windows} of {drift.windows} windows drifted"


def _buffer(health: Health) -> str:
    depth = health.buffer
    return (
        f"{depth.entries} entries, {depth.pending} wait for the broker, {depth.unwritten} records in memory; "
        f"{_size(depth.bytes)}, {depth.evicted} records evicted, {health.records_lost} lost"
    )


def _sync(snapshot: Snapshot) -> str:
    sync = snapshot.sync
    if sync is None:
        return "no broker configured"
    state = "connected" if sync.connected else "not connected"
    error = f"; last error: {sync.last_error}" if sync.last_error else ""
    refused = f", refused {sync.refused}" if sync.refused else ""
    unheard = f", unheard {sync.unheard}" if sync.unheard else ""
    return f"{state}; published {sync.published}, acknowledged {sync.acknowledged}{refused}{unheard}{error}"


def _system(health: Health) -> str:
    parts = [f"{health.cpu_share:.0%} of a core", f"{health.rss_bytes / _MB:.0f} MB resident"]
    if health.temperature_c is not None:
        parts.append(f"{health.temperature_c:.0f} °C")
    if health.free_bytes is not None:
        parts.append(f"{health.free_bytes / _MB:.0f} MB free for the state folder")
    if health.throttled is not None:
        parts.append(", ".join(health.throttled) or "not throttled")
    return ", ".join(parts)


def _where(health: Health) -> str:
    where = "/".join(part for part in (health.site, health.line) if part)
    return f" ({where})" if where else ""


def _verdict(problems: Sequence[str]) -> str:
    return "running, but:" if problems else "running, healthy"


def _size(count: int) -> str:
    return f"{count / _MB:.1f} MB" if count >= _MB else f"{count / 1024:.0f} kB"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _clock(wall_ns: int | None) -> str:
    """Local time."""
    return "unknown" if wall_ns is None else local_time(wall_ns)


def _ordinal(number: int) -> str:
    ending = "th" if 10 < number % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _plain(text: str) -> str:
    """Nothing that a terminal would obey: a broker's words may be among it."""
    return "".join(character if character.isprintable() else "?" for character in text)
