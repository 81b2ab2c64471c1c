"""The parts of the page that every artifact has."""

from __future__ import annotations

from collections.abc import Sequence

from converter.measurement.parity import ModelReport
from converter.report.page.charts import bar, confusion, interval
from converter.report.report import Common
from edge.core.html.markup import Content, Markup, escape, note, section, table, tag

NOTHING = Markup("")
LABELS_MOST = 24
"""Named in the headline."""
SIDE_BY_SIDE = 7
"""Labels of two confusion matrices that stand beside each other."""


def headline(report: Common, kind: str, facts: Sequence[tuple[str, str, str]]) -> Markup:
    """``facts``: (name, value, a note), each on a card; ``kind`` is what sort of model it is."""
    cards = [
        tag("div", tag("dt", name), tag("dd", value), tag("dd", text, cls="note")) for name, value, text in facts
    ]
    about = f"{kind}, {report.input.width}×{report.input.height} {report.input.colour}, "
    labels = ", ".join(report.labels[:LABELS_MOST]) + ", …" * (len(report.labels) > LABELS_MOST)
    lines = tag("p", about, f"{len(report.labels)} labels: ", labels)
    title = tag("h1", report.model, tag("small", f" version {report.version}"))
    return tag("header", title, lines, tag("dl", cards, cls="cards"))


def warnings(report: Common) -> Markup:
    if not report.warnings:
        return NOTHING
    return tag(
        "section", tag("h2", "Warnings"), tag("ul", [tag("li", one) for one in report.warnings]), cls="warnings"
    )


def accuracies(models: Sequence[ModelReport]) -> Markup:
    """A table with intervals."""
    least = max(0.0, min(model.low for model in models) - 0.02)
    rows: list[list[Content]] = [
        [
            model.name,
            f"{model.accuracy:.1%}",
            f"{100 * model.low:.1f} – {100 * model.high:.1f} %",
            interval(model.low, model.accuracy, model.high, least),
        ]
        for model in models
    ]
    return table(["model", "accuracy", "95 % interval", f"{100 * least:.0f} – 100 %"], rows)


def measured_on(samples: int) -> Markup:
    return note(
        f"{samples} pictures that were set aside for it, preprocessed by the device's own code. 95 % confidence "
        "intervals (Wilson)."
    )


def confusions(models: Sequence[ModelReport]) -> Markup:
    text = "Rows: the true label. Columns: the label named, by number. Pictures counted; shaded by share of the row."
    beside = "pair" if len(models) > 1 and len(models[0].classes) <= SIDE_BY_SIDE else False
    return section("Confusion", note(text), tag("div", [confusion(model) for model in models], cls=beside))


def classes(models: dict[str, ModelReport]) -> Markup:
    """``models`` by the short name that heads their columns; none, where there is but one."""
    first, *_ = models.values()
    rows: list[list[Content]] = []
    for index, one in enumerate(first.classes):
        every = [model.classes[index] for model in models.values()]
        shares = [*(each.precision for each in every), *(each.recall for each in every)]
        rows.append([one.label, one.support, *(_percent(share) for share in shares)])
    head = [f"{what} {name}".strip() for what in ("precision", "recall") for name in models]
    return section("Label by label", table(["label", "pictures", *head], rows))


def preprocessing(report: Common) -> Markup:
    """Section of the preprocessing that was tried, and of the one that was taken."""
    taken = (report.range, report.colour)
    rows: list[list[Content]] = [
        _tried(f"{one.range} {one.colour}", one.accuracy, (one.range, one.colour) == taken)
        for one in sorted(report.trials, key=lambda one: -one.accuracy)
    ]
    rule = (report.input.resize, report.input.interpolation)
    rules: list[list[Content]] = [
        _tried(f"{one.resize}, {one.interpolation}", one.accuracy, (one.resize, one.interpolation) == rule)
        for one in sorted(report.rules, key=lambda one: -one.accuracy)
    ]
    head = ["", "labels found again", ""]
    return section(
        "Preprocessing",
        note(
            "The model on labelled pictures, by each convention. What was taken is in the graph or in the manifest; "
            "nobody types it in."
        ),
        tag(
            "div",
            table(["range and colours", *head[1:]], rows),
            table(["resize rule", *head[1:]], rules)
            if rules
            else note(f"Resizing: {rule[0]}, {rule[1]}. Another rule makes no difference on these pictures."),
            cls="pair",
        ),
    )


def _tried(name: str, share: float, taken: bool) -> list[Content]:
    return [[name, tag("b", " taken", cls="good") if taken else ""], f"{share:.1%}", bar(share)]


def runtimes(report: Common, name: str, timed: bool, beside: str = "") -> Markup:
    """``name`` is what ran, ``beside`` what took how long elsewhere."""
    head = ["runtime", "pictures", "accuracy", "agreement", *(["median of a picture"] if timed else [])]
    rows: list[list[Content]] = [
        [
            one.platform,
            one.samples,
            f"{one.accuracy:.1%}",
            f"{one.agreement:.1%}",
            *([f"{one.latency_ms:.2f} ms"] if timed else []),
        ]
        for one in report.runtimes
    ]
    text = (
        f"One thread, {report.provenance.machine}. {beside}A Raspberry Pi takes other times: measure there with edge "
        "bench."
        if timed
        else "Times were left out, because SOURCE_DATE_EPOCH asked for a report that can be reproduced."
    )
    oldest = f"Oldest TFLite runtime that knows every operator: {report.min_runtime or 'not stated'}. "
    return section(f"Runtimes ({name})", note(oldest, text), table(head, rows))


def data(report: Common, used: str, first_part: str) -> Markup:
    """``used`` says what the first part of the pictures was for, ``first_part`` heads its column."""
    rows: list[list[Content]] = [[one.label, one.calibration, one.evaluation] for one in report.data]
    seen = report.duplicates
    lines = [
        used,
        f"{len(seen.identical)} identical and {len(seen.near)} nearly identical pictures in both parts; "
        f"{len(seen.contradicting)} with two labels.",
        f"{len(report.damaged)} pictures could not be read.",
    ]
    damaged = tag("ul", [tag("li", path, cls="path") for path in report.damaged]) if report.damaged else NOTHING
    return section("Data", note(" ".join(lines)), damaged, table(["label", first_part, "evaluation"], rows))


def provenance(report: Common) -> Markup:
    """Section that says how to make the artifact again."""
    made = report.provenance
    facts: list[list[Content]] = [
        ["artifact", report.out],
        ["created", f"{report.created} (the model's own time, or SOURCE_DATE_EPOCH)"],
        ["seed", made.seed],
        ["model, SHA-256", tag("code", made.model_sha256)],
        ["labels and pixels, SHA-256", tag("code", made.data_sha256)],
        ["versions", ", ".join(f"{name} {version}" for name, version in made.versions.items())],
    ]
    return section(
        "Reproduction",
        note("The same model, pictures, settings and versions give the same artifact, byte by byte."),
        tag("pre", escape(made.command), tabindex=0),
        tag("dl", [tag("div", tag("dt", name), tag("dd", value)) for name, value in facts], cls="facts"),
    )


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"
