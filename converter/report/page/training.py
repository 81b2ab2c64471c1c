"""Sections about fine-tuning and pruning."""

from __future__ import annotations

from converter.report.page.charts import bar
from converter.report.report import ConversionReport, PruningReport
from edge.core.html.markup import Content, Markup, note, section, table, tag

NOTHING = Markup("")


def tuning(report: ConversionReport) -> Markup:
    """With and without, on the pictures that were withheld from the training."""
    found = report.tuning
    if found is None:
        return NOTHING
    text = (
        f"{found.epochs} epochs on {found.pictures} calibration pictures, mirrored, shifted and lit anew; the float "
        f"model named the scores to learn. Judged on {found.held_out} calibration pictures that were withheld."
    )
    if not found.taken:
        text += " It was no better, so what ships is without it."
    rows: list[list[Content]] = [
        ["without", f"{100 * found.error_before:.3f}", f"{found.agreement_before:.1%}"],
        [
            ["with", tag("b", " taken", cls="good") if found.taken else ""],
            f"{100 * found.error_after:.3f}",
            f"{found.agreement_after:.1%}",
        ],
    ]
    head = [report.recipe, "mean score gap to float, points", "the same label"]
    return section("Fine-tuning", note(text), table(head, rows), _pruning(found.pruning) if found.pruning else "")


def _pruning(pruned: PruningReport) -> Markup:
    rows: list[list[Content]] = [
        [
            tag("span", one.name, cls="path", title=one.name),
            tag("small", one.kind),
            f"{one.weights:,}",
            f"{one.zeros / max(1, one.weights):.1%}",
            bar(one.zeros / max(1, one.weights)),
        ]
        for one in pruned.layers
    ]
    text = (
        f"{pruned.sparsity:.0%} of the weights were to be zero, {pruned.reached:.1%} are (rounding makes some zero). "
        f"TFLite stores zeros like any number: the model shrinks where it is compressed, to "
        f"{pruned.deflated:,} bytes by deflate, without pruning {pruned.deflated_before:,}."
    )
    return tag("div", tag("h3", "Zeros"), note(text), table(["layer", "operation", "weights", "zeros", ""], rows))
