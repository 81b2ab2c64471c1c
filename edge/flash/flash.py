"""All targets: first every one is looked at, then those that can take the artifact get it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from edge.flash.crowd import Crowd
from edge.flash.deliverer import Deliverer, Ending, Result, Seen, Step, Tell
from edge.flash.parcel import Parcel

PARALLEL = 10


class Flash:
    """Used once. :attr:`interrupted` after Ctrl-C, which ends both methods early but leaves no device unmentioned."""

    def __init__(self, targets: Sequence[Deliverer], parcel: Parcel | None, parallel: int = PARALLEL) -> None:
        """Without a parcel there is only :meth:`look`."""
        self._targets, self._parcel = targets, parcel
        self._crowd = Crowd(targets, parallel)

    @property
    def interrupted(self) -> bool:
        return self._crowd.interrupted

    def look(self, tell: Tell) -> list[Seen]:
        """What is there, in the order of the targets; nothing is changed."""

        def work(target: Deliverer) -> tuple[str, Sequence[Seen]]:
            seen = target.look(self._parcel, tell)
            tell(Step(target.target, "done", detail=_counted(one.problem for one in seen if one.problem)))
            return target.key, seen

        found = dict(self._crowd.each(work))
        return _told_apart([seen for target in self._targets for seen in found[target.key]])

    def deliver(self, seen: Sequence[Seen], tell: Tell) -> Iterator[Result]:
        """To those of :meth:`look` that have no problem, as each of them ends; all others come first."""
        assert self._parcel is not None
        parcel = self._parcel
        by_target: dict[str, list[Seen]] = {}
        for one in seen:
            by_target.setdefault(one.target, []).append(one)

        def work(target: Deliverer) -> Sequence[Result]:
            ready = [one for one in by_target.get(target.target, []) if not one.problem and not one.unchanged]
            results = target.deliver(parcel, ready, tell) if ready else ()
            tell(Step(target.target, "done", detail=_counted(result.result for result in results)))
            return results

        yield from (_result(one) for one in seen if one.problem or one.unchanged)
        for results in self._crowd.each(work):
            yield from results


def _counted(words: Iterable[str]) -> str:
    """``12 committed; 1 refused``; without a number where there is one device."""
    counts = Counter(words)
    alone = counts.total() == 1
    return "; ".join(word if alone else f"{count} {word}" for word, count in counts.items())


def _told_apart(seen: Sequence[Seen]) -> list[Seen]:
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


def _result(seen: Seen) -> Result:
    ending: Ending = "failed" if seen.problem else "unchanged"
    reason = seen.problem or "it runs this very artifact"
    return Result(seen.target, ending, reason, seen.device, seen.runs, seen.runs)
