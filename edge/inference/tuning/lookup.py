"""Which set-up is in force: what is asked for explicitly, what a tuning file found, else the default."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from edge.errors import ConfigError
from edge.inference.interpreter.machine import Machine
from edge.inference.interpreter.runtimes import find_runtime
from edge.inference.interpreter.setup import Wanted
from edge.inference.tuning.choice import SetupChoice, SetupTiming, choose
from edge.inference.tuning.file import TuningRun, read_entries

log = logging.getLogger(__name__)


def tuning_path(artifact: Path, state: Path | None) -> Path:
    """In the state folder where there is one, else beside the artifact: ``cookie.tune.json``."""
    return state / "tuning.json" if state is not None else artifact.with_name(f"{artifact.stem}.tune.json")


def choose_setup(artifact: Path, model: str, wanted: Wanted, state: Path | None = None) -> SetupChoice:
    """For the flatbuffer with SHA-256 ``model``. What was not measured here and now is passed over, with a log line.

    A delegate that nobody asked for is taken from the state folder's file only: a file that may have come along with
    a model must not name a library to load.
    """
    places = [tuning_path(artifact, state), tuning_path(artifact, None)]
    for path in dict.fromkeys(places):
        entry = _entry(path, model)
        if entry is None:
            continue
        trusted = state is not None and path.parent == state
        fitting = [row for row in entry.measured if _fits(row, wanted, trusted)]
        if fitting:
            best = choose(fitting)
            return SetupChoice(best.setup, f"tuned {entry.created[:10]}, {path.name}: {best.why}")
        log.info("%s: nothing measured with what is set; 'edge bench --tune' with the same settings does it", path)
    default = replace(wanted.default, runtime=find_runtime(wanted.runtime).name)
    return SetupChoice(default, "default, not tuned" if wanted == Wanted() else "as set")


def _entry(path: Path, model: str) -> TuningRun | None:
    try:
        entries = read_entries(path)
    except ConfigError as error:
        log.warning("%s", error)
        return None
    if not entries:
        return None
    here = Machine.this()
    of_model = [entry for entry in entries if entry.model == model]
    fresh = [entry for entry in of_model if entry.machine == here]
    if fresh:
        return fresh[-1]
    if of_model:
        log.info("%s: passed over, measured on %s; this is %s", path, of_model[-1].machine, here)
    else:
        log.info("%s: passed over, measured with another model", path)
    return None


def _fits(row: SetupTiming, wanted: Wanted, trusted: bool) -> bool:
    delegate = row.setup.delegate
    known = delegate is None or delegate == wanted.delegate or trusted
    there = delegate is None or "/" not in delegate.library or Path(delegate.library).exists()
    return wanted.allows(row.setup) and known and there
