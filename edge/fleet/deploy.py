"""All targets: first every one is looked at, then those that can take the artifact get it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from edge.fleet.bundle import Bundle
from edge.fleet.connector import Connector, DeployResult, DeployStep, Ending, Inspection, Tell
from edge.fleet.parallel import Parallel

PARALLEL = 10


class Deployment:
    """Used once. :attr:`interrupted` after Ctrl-C, which ends both methods early but leaves no device unmentioned."""

    def __init__(self, targets: Sequence[Connector], bundle: Bundle | None, parallel: int = PARALLEL) -> None:
        """Without a bundle there is only :meth:`look`."""
        self._targets, self._parcel = targets, bundle
        self._crowd = Parallel(targets, parallel)

    @property
    def interrupted(self) -> bool:
        return self._crowd.interrupted

    def look(self, tell: Tell) -> list[Inspection]:
        """Inspects all targets, in their order; nothing is changed."""

        def work(target: Connector) -> tuple[str, Sequence[Inspection]]:
            seen = target.look(self._parcel, tell)
            tell(DeployStep(target.target, "done", detail=_counted(one.problem for one in seen if one.problem)))
            return target.key, seen

        found = dict(self._crowd.each(work))
        return _told_apart([seen for target in self._targets for seen in found[target.key]])

    def deliver(self, seen: Sequence[Inspection], tell: Tell) -> Iterator[DeployResult]:
        """Delivers to those of :meth:`look` that have no problem, and yields each as it ends; all others come
        first."""
        assert self._parcel is not None
        bundle = self._parcel
        by_target: dict[str, list[Inspection]] = {}
        for one in seen:
            by_target.setdefault(one.target, []).append(one)

        def work(target: Connector) -> Sequence[DeployResult]:
            ready = [one for one in by_target.get(target.target, []) if not one.problem and not one.unchanged]
            results = target.deliver(bundle, ready, tell) if ready else ()
            tell(DeployStep(target.target, "done", detail=_counted(result.result for result in results)))
            return results

        yield from (_result(one) for one in seen if one.problem or one.unchanged)
        for results in self._crowd.each(work):
            yield from results


def _counted(words: Iterable[str]) -> str:
    """``12 committed; 1 refused``; without a number where there is one device."""
    counts = Counter(words)
    alone = counts.total() == 1
    return "; ".join(word if alone else f"{count} {word}" for word, count in counts.items())


def _told_apart(seen: Sequence[Inspection]) -> list[Inspection]:
    """Two targets that are one device would try the model twice at once; two devices of one id confuse monitors."""
    first: dict[str, str] = {}
    apart = []
    for one in seen:
        if one.device in first:
            other = first[one.device]
            one = replace(one, problem=f"calls itself {one.device}, as {other} does; expected an id for each device")
        elif one.device:
            first[one.device] = one.target
        apart.append(one)
    return apart


def _result(seen: Inspection) -> DeployResult:
    ending: Ending = "failed" if seen.problem else "unchanged"
    reason = seen.problem or "it runs this very artifact"
    return DeployResult(seen.target, ending, reason, seen.device, seen.runs, seen.runs)
