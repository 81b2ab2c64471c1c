"""Which set-ups are measured."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from edge.inference.interpreter import Delegate, Setup, Wanted, usable_runtimes
from edge.inference.interpreter.machine import cores


def setups_for(wanted: Wanted, delegates: Sequence[Delegate] = (), *, tune: bool = False) -> list[Setup]:
    """For each usable runtime (and delegate) one, or to ``tune`` all thread counts, with and without XNNPACK and
    each delegate; none that contradicts what is ``wanted``.
    """
    runtimes = [runtime.name for runtime in usable_runtimes()]
    if tune:
        threads, xnnpack = range(1, cores() + 1), (True, False)
        ways: product[tuple[object, ...]] = product(runtimes, threads, xnnpack, (None, *delegates))
    else:
        ways = product(runtimes, (wanted.threads or 1,), (wanted.xnnpack is not False,), delegates or (None,))
    return [setup for way in ways if wanted.allows(setup := Setup(*way))]  # type: ignore[arg-type]
