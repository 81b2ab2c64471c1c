"""Samples as a labelled data set, and the table that people fill in."""

from __future__ import annotations

import csv
import shutil
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.device.audit.answers import Label, add_answers, everything, read_answers
from edge.device.audit.folder import picture_of
from edge.device.audit.sample import Why
from edge.errors import StateError

INDEX = "index.csv"
COLUMNS = ("id", "path", "label", "predicted", "score", "why", "camera", "part", "wall_ns", "model", "model_version")
"""``label`` is the true one, empty where nobody has said yet."""
_ESCAPED = {"/": "%2F", "\\": "%5C", "\0": "%00"}


@dataclass(frozen=True, slots=True)
class Exported:
    folder: Path
    pictures: dict[str, int]
    """By the name of their folder."""
    without_picture: int
    """Samples that the recorder was too busy to keep the picture of, or whose picture had to make room."""


def export(folder: Path, out: Path, why: Collection[Why] = (), labelled: bool = False) -> Exported:
    """Pictures into ``out/LABEL/`` by their true label, or where it is not known by the predicted one; INDEX beside
    them. ``why``: only these strata; ``labelled``: only those with a true label.

    Raises StateError, also for an ``out`` that holds something already.
    """
    chosen = [
        answer
        for answer in everything(folder).values()
        if (not why or answer.sample.stratum in why) and not (labelled and answer.true is None)
    ]
    found = [(answer, path) for answer in chosen if (path := picture_of(folder, answer.sample)) is not None]
    out = out.resolve()
    draft = out.with_name(f".{out.name}.partial")
    try:
        _check_free(out)
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        gone, counts = _copy(found, draft)
        draft.replace(out)
    except OSError as error:
        if isinstance(error, StateError):
            raise
        shutil.rmtree(draft, ignore_errors=True)
        raise StateError(f"{out}: cannot be written ({error.strerror}); name a folder to write to") from None
    noted = read_answers(folder)
    add_answers(folder, [answer for answer, _ in found if answer.sample.id not in noted])
    return Exported(out, dict(sorted(counts.items())), len(chosen) - len(found) + gone)


def _check_free(out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise StateError(f"{out}: is there already; expected a new or an empty folder, so that no labels get mixed")


def _copy(found: Sequence[tuple[Label, Path]], draft: Path) -> tuple[int, Counter[str]]:
    """Copies samples; returns how many had to make room meanwhile, and how many there are by folder."""
    counts: Counter[str] = Counter()
    gone = 0
    with (draft / INDEX).open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for answer, path in found:
            name = folder_of(answer.true or answer.sample.label)
            place = draft / name / path.name
            place.parent.mkdir(exist_ok=True)
            try:
                shutil.copyfile(path, place)
            except FileNotFoundError:
                gone += 1
                continue
            counts[name] += 1
            table.writerow(_row(answer, f"{name}/{path.name}"))
    return gone, counts


def _row(answer: Label, path: str) -> tuple[object, ...]:
    sample = answer.sample
    said = (answer.true or "", sample.label, sample.score, "+".join(sample.why))
    return (sample.id, path, *said, sample.camera, sample.part, sample.wall_ns, sample.model, sample.model_version)


def folder_of(label: str) -> str:
    """A name that a folder may have; the label itself nearly always."""
    name = "".join(_ESCAPED.get(letter, letter) for letter in label)
    return "%2E" + name[1:] if name.startswith(".") else name or "%"
