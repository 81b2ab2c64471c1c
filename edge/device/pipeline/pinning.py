"""A processor core for a camera's decisions alone, and none for a thread that nobody waits for."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress

from edge.errors import ConfigError


@contextmanager
def reserved(cores: Collection[int]) -> Iterator[None]:
    """Keeps this thread, and those it starts meanwhile, off ``cores``; gives them back at the end.

    Raises ConfigError for a core that this process may not use, or when none would be left for the rest.
    """
    allowed = os.sched_getaffinity(0)
    missing = sorted(set(cores) - allowed)
    if missing:
        known = ", ".join(map(str, sorted(allowed)))
        raise ConfigError(f"source.core: core {missing[0]} is not there for this process; it has {known}")
    rest = allowed - set(cores)
    if not rest:
        raise ConfigError("source.core: every core is taken; leave at least one for capture and the recorder")
    os.sched_setaffinity(0, rest)
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def pin(core: int) -> None:
    """Puts this thread on ``core``."""
    os.sched_setaffinity(0, {core})


def last_in_line(thread_id: int) -> None:
    """Gives that thread of this process only the time that nobody else wants (SCHED_IDLE, sched(7)), where the system
    lets it.
    """
    with suppress(OSError):
        os.sched_setscheduler(thread_id, os.SCHED_IDLE, os.sched_param(0))
