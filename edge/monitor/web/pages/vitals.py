"""The health of a device: numbers, and charts over time."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edge.core.histogram import Distribution, lower_edge
from edge.core.html import Content, Markup, tag
from edge.monitor.queries.reading import DeviceDetail, HealthPoint
from edge.monitor.web.charts import Bar, ChartLine, bars, figure, lines
from edge.monitor.web.charts.figure import WIDTH, Caption, no_data, svg
from edge.monitor.web.texts import lasting, milliseconds, number, share, size, with_unit
from edge.protocol.latency import merge
from edge.protocol.messages import Health


@dataclass(frozen=True, slots=True)
class Fact:
    what: str
    much: str
    more: str = ""


def cards(detail: DeviceDetail) -> list[Fact]:
    """Cards at the top of the page."""
    row, health = detail.row, detail.health
    facts = [
        Fact("model", f"{row.model or '–'} v{row.version}", f"slot {row.slot}" if row.slot else ""),
        Fact("parts a second", number(row.fps)),
        Fact("p99 latency, last minute", milliseconds(row.p99_us)),
        Fact("frames dropped since the boot", number(row.dropped), _of(row.dropped, row.decided)),
        Fact("rows waiting in the buffer", number(row.pending), f"{number(row.evicted)} lost" if row.evicted else ""),
        Fact("temperature", with_unit(row.temperature_c, "°C")),
    ]
    if health is not None:
        facts += [
            Fact("up for", lasting(health.uptime_s)),
            Fact("processor", share(health.cpu_share), "of one core"),
            Fact("memory of the daemon", size(health.rss_bytes)),
            Fact("free on its disk", size(health.free_bytes)),
        ]
    return [*facts, Fact("records stored here", number(row.predictions))]


def _of(dropped: int | None, decided: int | None) -> str:
    if not dropped or decided is None:
        return ""
    return f"{share(dropped / max(1, dropped + decided))} of all"


HealthValue = Callable[[HealthPoint], float | None]


def charts(points: Sequence[HealthPoint]) -> list[Markup]:
    """Over the time that is asked for."""
    return [
        _chart(points, "latency", "Latency", "From capture to decision.", "ms", {"p50": _p50, "p99": _p99}),
        _chart(points, "rate", "Rate", "Parts judged in a second.", "parts/s", {"rate": lambda point: point.fps}),
        _dropped(points),
        _chart(
            points,
            "temperature",
            "Temperature",
            "Of the processor.",
            "°C",
            {"temperature": lambda p: p.temperature_c},
        ),
        _chart(points, "buffer", "Buffer", "Rows that wait for delivery.", "rows", {"waiting": lambda p: p.pending}),
        _chart(points, "processor", "Processor", "1 is one core.", "cores", {"processor": lambda p: p.cpu_share}),
    ]


def _p50(point: HealthPoint) -> float | None:
    return None if point.p50_us is None else point.p50_us / 1000


def _p99(point: HealthPoint) -> float | None:
    return None if point.p99_us is None else point.p99_us / 1000


def _chart(
    points: Sequence[HealthPoint], key: str, title: str, description: str, unit: str, values: dict[str, HealthValue]
) -> Markup:
    drawn = [
        ChartLine(name, [(point.at_ns, value(point)) for point in points], "abc"[place])
        for place, (name, value) in enumerate(values.items())
    ]
    return lines(Caption(key, title, description, unit), drawn)


def _dropped(points: Sequence[HealthPoint]) -> Markup:
    """The counts are since the boot; what came between two of them is drawn."""
    between: list[tuple[int, float | None]] = []
    for before, after in itertools.pairwise(points):
        if before.dropped is None or after.dropped is None:
            between.append((after.at_ns, None))
        else:
            between.append((after.at_ns, max(0, after.dropped - before.dropped)))
    caption = Caption("dropped", "Dropped frames", "Between two points, all reasons.", "frames")
    return lines(caption, [ChartLine("dropped", between)])


def latencies(health: Health) -> Markup:
    """The histogram since the boot, over all cameras: its buckets are narrower the shorter the latency."""
    caption = Caption("histogram", "Latencies since the boot", "How many decisions took how long.", "decisions")
    try:
        total = merge([health])
    except ValueError:
        return no_data(caption, "The device's histogram could not be read.")
    if not total.count:
        return no_data(caption, "Nothing decided yet.")
    groups = _octave_eighths(total)
    most, wide = max(count for _, _, count in groups), WIDTH / len(groups)
    shapes = [
        tag(
            "rect",
            x=f"{at * wide:.1f}",
            y=f"{160 * (1 - n / most):.1f}",
            width=f"{wide * 0.9:.1f}",
            height=f"{160 * n / most:.1f}",
            cls="now",
        )
        for at, (_, _, n) in enumerate(groups)
    ]
    ends = [tag("span", milliseconds(edge)) for edge in (groups[0][0], groups[len(groups) // 2][0], groups[-1][1])]
    plot = tag(
        "div",
        tag("div", [tag("span", number(most * part)) for part in (1, 0.5, 0)], cls="y", aria_hidden="true"),
        svg(caption, 160, shapes, cls="area"),
        tag("div", ends, cls="x", aria_hidden="true"),
        cls="plot",
    )
    rows: list[list[Content]] = [
        [f"{milliseconds(low)} to {milliseconds(high)}", number(count), share(count / total.count)]
        for low, high, count in groups
    ]
    return figure(caption, plot, ["took", "decisions", "share"], rows)


def _octave_eighths(total: Distribution) -> list[tuple[int, int, int]]:
    """Lower edge, upper edge (µs) and count of four buckets each, from the first to the last that has any."""
    step = 4
    counts = total.counts.reshape(-1, step).sum(axis=1)
    used = counts.nonzero()[0]
    return [
        (lower_edge(step * at), lower_edge(step * (at + 1)), int(counts[at])) for at in range(used[0], used[-1] + 1)
    ]


def drops(health: Health) -> Markup:
    """By reason, since the boot."""
    caption = Caption("reasons", "Dropped frames by reason", "Since the boot.", "frames, since the boot")
    captured = max(1, health.captured)
    drawn = [
        Bar(reason, count, f"{number(count)} ({share(count / captured)})")
        for reason, count in sorted(health.dropped.items(), key=lambda item: -item[1])
        if count
    ]
    return bars(caption, drawn)


def gate(health: Health) -> Markup | None:
    """Counts of the decisions, and how early they came; None on a line that only watches."""
    state = health.gate
    if state is None:
        return None
    counters = [Bar(name.replace("_", " "), count) for name, count in state.counters.items()]
    texts = [f"{edge} ms" for edge in state.slack_edges_ms]
    names = ["too late", *(f"from {text}" for text in texts)]
    slack = [Bar(name, count) for name, count in zip(names, state.slack, strict=False)]
    head = Caption("gate", "Gate", "Decisions since the boot.", "parts, since the boot")
    early = Caption("slack", "How early decisions reach the gate", "Time left when the decision came.", "parts")
    return Markup(bars(head, counters) + bars(early, slack))
