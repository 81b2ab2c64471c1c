"""The page of a converted model, its parts in the order in which a sceptic asks."""

from __future__ import annotations

from converter.measurement.parity import PictureReport
from converter.report.page import sections, training
from converter.report.page.charts import bar
from converter.report.page.pictures import Said, Shown, gallery
from converter.report.report import ConversionReport, kilobytes
from edge.core.html.markup import Content, Markup, note, section, table, tag


def parts(report: ConversionReport, timed: bool) -> list[Content]:
    models = report.parity.models
    first, last = models[0], models[-1]
    latency = f"Float takes {report.float_latency_ms:.2f} ms on the first. "
    return [
        sections.headline(report, report.recipe, _facts(report, timed)),
        sections.warnings(report),
        accuracy(report),
        recipes(report, timed),
        training.tuning(report),
        sections.confusions([first, last]),
        sections.classes({"float": first, report.recipe: last}),
        pictures(report),
        layers(report),
        sections.preprocessing(report),
        sections.runtimes(report, report.recipe, timed, latency),
        sections.data(
            report,
            f"{report.calibration_pictures} of the first part calibrated, the labels in turn; all of it is the drift "
            "reference.",
            "calibration and reference",
        ),
        sections.provenance(report),
    ]


def _facts(report: ConversionReport, timed: bool) -> list[tuple[str, str, str]]:
    found, sizes = report.evaluation, report.bytes
    gain = 100 * (found.accuracy_quantized - found.accuracy_float)
    facts = [
        ("accuracy", f"{found.accuracy_quantized:.1%}", f"float {found.accuracy_float:.1%}, {gain:+.1f} points"),
        ("agreement", f"{found.agreement:.1%}", f"{report.recipe} with float, {found.samples} pictures"),
        (
            "model",
            kilobytes(sizes.quantized),
            f"{sizes.quantized / sizes.float:.0%} of {kilobytes(sizes.float)} float",
        ),
    ]
    if timed:
        first = report.runtimes[0]
        text = f"float {report.float_latency_ms:.2f} ms, this machine"
        facts.append(("a picture", f"{first.latency_ms:.2f} ms", text))
    return facts


def accuracy(report: ConversionReport) -> Markup:
    """Accuracies with intervals, and who agrees with whom."""
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
        sections.measured_on(report.evaluation.samples),
        sections.accuracies(report.parity.models),
        table(["the same label", "share", "95 % interval", "mean score gap, points", "largest"], pairs),
    )


def recipes(report: ConversionReport, timed: bool) -> Markup:
    """The ways of quantization that were tried."""
    if not report.recipes:
        return sections.NOTHING
    largest = max(1, *(one.bytes for one in report.recipes))
    rows: list[list[Content]] = [
        [
            [one.name, tag("b", " taken", cls="good") if one.chosen else ""],
            one.fault or [kilobytes(one.bytes), " ", bar(one.bytes / largest)],
            f"{one.accuracy:.1%}",
            f"{one.agreement:.1%}",
            *([f"{one.latency_ms:.2f} ms"] if timed else []),
        ]
        for one in report.recipes
    ]
    head = ["recipe", "size", "accuracy", "agreement", *(["latency here"] if timed else [])]
    return section("Recipes", note(report.choice), table(head, rows))


def pictures(report: ConversionReport) -> Markup:
    """Section of the pictures that float and quantized judge differently; else the nearest to it."""
    parity = report.parity
    if parity.judged_differently:
        text = (
            f"Float and {report.recipe} name another label on {parity.judged_differently} of "
            f"{report.evaluation.samples} pictures; those come first (marked), then the largest gaps of scores."
        )
        return section("Largest disagreements", note(text), _gallery(parity.disagreements, report.recipe))
    text = f"Float and {report.recipe} name the same label on all {report.evaluation.samples} pictures."
    return section(
        "Pictures",
        note(text, " The largest gaps between the scores:"),
        _gallery(parity.disagreements[: len(parity.uncertain)], report.recipe),
        note(f"The pictures of which {report.recipe} is least sure:"),
        _gallery(parity.uncertain, report.recipe),
    )


def _gallery(pictures: tuple[PictureReport, ...], recipe: str) -> Markup:
    return gallery(
        Shown(
            one.path,
            one.label,
            (Said("float", one.by_float, one.float_score), Said(recipe, one.by_quantized, one.quantized_score)),
            gap=one.difference,
            marked=one.differs,
        )
        for one in pictures
    )


def layers(report: ConversionReport) -> Markup:
    if not report.layers:
        return sections.NOTHING
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
