"""The page of a wrapped model: what it does, without another to compare it with."""

from __future__ import annotations

from collections.abc import Sequence

from converter.measurement.parity import JudgedReport
from converter.report.page import sections
from converter.report.page.pictures import Said, Shown, gallery
from converter.report.report import kilobytes
from converter.report.wrap_report import WrapReport
from edge.core.html.markup import Content, Markup, note, section


def parts(report: WrapReport, timed: bool) -> list[Content]:
    judged = report.judgement.model
    used = "Nothing was calibrated: the model is as it came. The first part is the drift reference."
    return [
        sections.headline(report, f"{report.input.dtype} in, {report.output.dtype} out", _facts(report, timed)),
        sections.warnings(report),
        section(
            "Accuracy", sections.measured_on(report.accuracy.samples), sections.accuracies([report.judgement.model])
        ),
        sections.confusions([judged]),
        sections.classes({"": judged}),
        pictures(report),
        sections.preprocessing(report),
        sections.runtimes(report, "as it came", timed),
        sections.data(report, used, "reference"),
        sections.provenance(report),
    ]


def _facts(report: WrapReport, timed: bool) -> list[tuple[str, str, str]]:
    judged, sizes = report.judgement.model, report.bytes
    extra = kilobytes(sizes.artifact - sizes.model)
    facts = [
        ("accuracy", f"{judged.accuracy:.1%}", f"95 % interval {100 * judged.low:.1f} – {100 * judged.high:.1f} %"),
        ("wrong", str(report.judgement.wrong), f"of {report.accuracy.samples} pictures"),
        ("artifact", kilobytes(sizes.artifact), f"{extra} more than the model as it came"),
    ]
    if timed:
        first = report.runtimes[0]
        facts.append(("a picture", f"{first.latency_ms:.2f} ms", f"{first.platform}, this machine"))
    return facts


def pictures(report: WrapReport) -> Markup:
    """Mistakes, and where it is least sure."""
    judged = report.judgement
    title, text = "Pictures", f"All {report.accuracy.samples} pictures are named rightly."
    if judged.wrong:
        title = "Mistakes"
        text = f"{judged.wrong} of {report.accuracy.samples} pictures are named wrongly; the surest come first."
    return section(
        title,
        note(text),
        _gallery(judged.mistakes),
        note("The pictures of which it is least sure:"),
        _gallery(judged.uncertain),
    )


def _gallery(pictures: Sequence[JudgedReport]) -> Markup:
    shown = [Shown(one.path, one.label, (Said("named", one.named, one.score),)) for one in pictures]
    return gallery(shown) if shown else sections.NOTHING
