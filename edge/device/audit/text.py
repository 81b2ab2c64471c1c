"""The report as people read it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from edge.device.audit.report import AuditedModel
from edge.drift.watch.performance import RANDOM, Share

_INDENT = 13 * " "


def lines(model: AuditedModel) -> Iterator[str]:
    """One model's report."""
    yield f"{model.model} version {model.version}"
    yield from _performance(model)
    for why, stratum in model.strata.items():
        if why != RANDOM and stratum.samples:
            yield (
                f"  {why:<10} {stratum.right.n} of {stratum.samples} labelled, right: {_share(stratum.right)}; "
                "chosen, so this says nothing of the line"
            )
    yield from _concept(model)


def _performance(model: AuditedModel) -> Iterator[str]:
    found, random = model.performance, model.strata[RANDOM]
    yield (
        f"  random     {random.right.n} of {random.samples} labelled, accuracy {_share(found.accuracy)}: "
        "an unbiased sample of the line"
    )
    if model.left_out:
        yield f"{_INDENT}{model.left_out} of them not counted: audit.share was higher when they were drawn"
    if found.accuracy.n:
        yield f"{_INDENT}{'label':<20} {'precision':<28} recall"
        for number, label in enumerate(found.labels):
            shares = found.precision(number), found.recall(number)
            if any(share.n for share in shares):
                yield f"{_INDENT}{label:<20} {_share(shares[0]):<28} {_share(shares[1])}"


def _concept(model: AuditedModel) -> Iterator[str]:
    concept = model.concept
    if concept is None:
        yield "  errors     not compared: the model states no evaluation, or no random sample is labelled"
        return
    limit = f"against at most {concept.limit:.1%} in the model's evaluation"
    if concept.alarms_ns:
        last = datetime.fromtimestamp(concept.alarms_ns[-1] / 1e9, UTC)
        yield f"  errors     more frequent since {last:%Y-%m-%d %H:%M} UTC or before, {limit}"
    else:
        yield f"  errors     no more frequent, {limit} (evidence {concept.evidence:.2g} of 1)"


def _share(share: Share) -> str:
    if share.value is None:
        return "– (0)"
    low, high = share.interval
    return f"{share.value:.3f} ({low:.3f} to {high:.3f}, {share.n})"
