"""The parts of the page, in the order in which a sceptic asks."""

from __future__ import annotations

from converter.page.charts import bar, confusion, interval
from converter.page.markup import Content, Markup, escape, note, section, table, tag
from converter.page.pictures import gallery
from converter.report import Report

NOTHING = Markup("")
LABELS_MOST = 24
"""Named in the headline."""
SIDE_BY_SIDE = 7
"""Labels of two confusion matrices that stand beside each other."""


def headline(report: Report, timed: bool) -> Markup:
    """The facts that fit on a card each."""
    found, sizes = report.evaluation, report.bytes
    gain = 100 * (found.accuracy_quantized - found.accuracy_float)
    facts: list[tuple[str, str, str]] = [
        ("accuracy", f"{found.accuracy_quantized:.1%}", f"float {found.accuracy_float:.1%}, {gain:+.1f} points"),
        ("agreement", f"{found.agreement:.1%}", f"{report.recipe} with float, {found.samples} pictures"),
        (
            "model",
            _kilobytes(sizes.quantized),
            f"{sizes.quantized / sizes.float:.0%} of {_kilobytes(sizes.float)} float",
        ),
    ]
    if timed:
        first = report.runtimes[0]
        facts.append(
            ("a picture", f"{first.latency_ms:.2f} ms", f"float {report.float_latency_ms:.2f} ms, this machine")
        )
    cards = [
        tag("div", tag("dt", name), tag("dd", value), tag("dd", text, cls="note")) for name, value, text in facts
    ]
    about = f"{report.recipe}, {report.input.width}×{report.input.height} {report.input.colour}, "
    labels = ", ".join(report.labels[:LABELS_MOST]) + ", …" * (len(report.labels) > LABELS_MOST)
    lines = tag("p", about, f"{len(report.labels)} labels: ", labels)
    title = tag("h1", report.model, tag("small", f" version {report.version}"))
    return tag("header", title, lines, tag("dl", cards, cls="cards"))


def warnings(report: Report) -> Markup:
    if not report.warnings:
        return NOTHING
    return tag(
        "section", tag("h2", "Warnings"), tag("ul", [tag("li", one) for one in report.warnings]), cls="warnings"
    )


def accuracy(report: Report) -> Markup:
    """Accuracies with intervals, and who agrees with whom."""
    models = report.parity.models
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
    pairs: list[list[Content]] = [
        [
            f"{one.first} – {one.second}",
            f"{one.agreement:.1%}",
            f"{100 * one.low:.1f} – {100 * one.high:.1f} %",
            f"{100 * one.mean_difference:.2f}",
            f"{100 * one.largest_difference:.1f}",
        ]
        for one in report.parity.agreements
    ]
    return section(
        "Accuracy and agreement",
        note(
            f"{report.evaluation.samples} pictures that were set aside for it, preprocessed by the "
            "device's own code. 95 % confidence intervals (Wilson)."
        ),
        table(["model", "accuracy", "95 % interval", f"{100 * least:.0f} – 100 %"], rows),
        table(["the same label", "share", "95 % interval", "mean score gap, points", "largest"], pairs),
    )


def recipes(report: Report, timed: bool) -> Markup:
    """The ways of quantization that were tried."""
    if not report.recipes:
        return NOTHING
    largest = max(1, *(one.bytes for one in report.recipes))
    rows: list[list[Content]] = [
        [
            [one.name, tag("b", " taken", cls="good") if one.chosen else ""],
            one.fault or [_kilobytes(one.bytes), " ", bar(one.bytes / largest)],
            f"{one.accuracy:.1%}",
            f"{one.agreement:.1%}",
            *([f"{one.latency_ms:.2f} ms"] if timed else []),
        ]
        for one in report.recipes
    ]
    head = ["recipe", "size", "accuracy", "agreement", *(["latency here"] if timed else [])]
    return section("Recipes", note(report.choice), table(head, rows))


def confusions(report: Report) -> Markup:
    first, last = report.parity.models[0], report.parity.models[-1]
    text = "Rows: the true label. Columns: the label named, by number. Pictures counted; shaded by share of the row."
    beside = "pair" if len(report.labels) <= SIDE_BY_SIDE else False
    return section("Confusion", note(text), tag("div", confusion(first), confusion(last), cls=beside))


def classes(report: Report) -> Markup:
    first, last = report.parity.models[0].classes, report.parity.models[-1].classes
    rows: list[list[Content]] = [
        [
            one.label,
            one.support,
            *(_percent(share) for share in (one.precision, other.precision, one.recall, other.recall)),
        ]
        for one, other in zip(first, last, strict=True)
    ]
    name = report.recipe
    head = ["label", "pictures", "precision float", f"precision {name}", "recall float", f"recall {name}"]
    return section("Label by label", table(head, rows))


def pictures(report: Report) -> Markup:
    """What float and quantized judge differently; else the nearest to it."""
    parity = report.parity
    if parity.judged_differently:
        text = (
            f"Float and {report.recipe} name another label on {parity.judged_differently} of "
            f"{report.evaluation.samples} pictures; those come first (marked), then the largest gaps of scores."
        )
        return section("Largest disagreements", note(text), gallery(parity.disagreements, report.recipe))
    text = f"Float and {report.recipe} name the same label on all {report.evaluation.samples} pictures."
    return section(
        "Pictures",
        note(text, " The largest gaps between the scores:"),
        gallery(parity.disagreements[: len(parity.uncertain)], report.recipe),
        note(f"The pictures of which {report.recipe} is least sure:"),
        gallery(parity.uncertain, report.recipe),
    )


def layers(report: Report) -> Markup:
    if not report.layers:
        return NOTHING
    rows: list[list[Content]] = [
        [
            tag("span", layer.name, cls="path", title=layer.name),
            tag("small", layer.operator),
            "×".join(str(size) for size in layer.shape[1:]),
            f"{layer.sqnr_db:.1f} dB",
            bar(layer.sqnr_db / 60, "good" if layer.sqnr_db >= 25 else "fair" if layer.sqnr_db >= 12 else "poor"),
            f"{layer.error_steps:.2f}" if layer.error_steps else "–",
        ]
        for layer in report.layers
    ]
    text = (
        "What arrives at each layer's output, the errors of the layers before it included. Signal to noise: higher "
        "is better, 6 dB is one bit. Error in quantization steps: rounding alone makes 0.29."
    )
    head = ["layer", "operation", "outputs", "signal to noise", "0 – 60 dB", "error, steps"]
    return section("Quantization error by layer", note(text), table(head, rows))


def preprocessing(report: Report) -> Markup:
    """What was tried, and what was taken."""
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
            "The trained model on labelled pictures, by each convention. What was taken is in the graph or in the "
            "manifest: the artifact takes camera pixels as they are."
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


def runtimes(report: Report, timed: bool) -> Markup:
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
        f"One thread, {report.provenance.machine}; float takes {report.float_latency_ms:.2f} ms on the first. "
        "A Raspberry Pi ranks float and int8 otherwise: measure there with edge bench."
        if timed
        else "Times were left out, because SOURCE_DATE_EPOCH asked for a report that can be reproduced."
    )
    oldest = f"Oldest TFLite runtime that knows every operator: {report.min_runtime or 'not stated'}. "
    return section(f"Runtimes ({report.recipe})", note(oldest, text), table(head, rows))


def data(report: Report) -> Markup:
    rows: list[list[Content]] = [[one.label, one.calibration, one.evaluation] for one in report.data]
    seen = report.duplicates
    lines = [
        f"{report.calibration_pictures} of the first part calibrated, the labels in turn; "
        "all of it is the drift reference.",
        f"{len(seen.identical)} identical and {len(seen.near)} nearly identical pictures in both parts; "
        f"{len(seen.contradicting)} with two labels.",
        f"{len(report.damaged)} pictures could not be read.",
    ]
    damaged = tag("ul", [tag("li", path, cls="path") for path in report.damaged]) if report.damaged else NOTHING
    return section(
        "Data", note(" ".join(lines)), damaged, table(["label", "calibration and reference", "evaluation"], rows)
    )


def provenance(report: Report) -> Markup:
    """How to make it again."""
    made = report.provenance
    facts: list[list[Content]] = [
        ["artifact", report.out],
        ["created", f"{report.created} (the trained model's own time, or SOURCE_DATE_EPOCH)"],
        ["seed", made.seed],
        ["trained model, SHA-256", tag("code", made.model_sha256)],
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


def _kilobytes(size: int) -> str:
    return f"{size / 1000:.1f} kB" if size < 1_000_000 else f"{size / 1_000_000:.2f} MB"
