"""True labels as people hand them in: a table, or the exported folders after they moved the pictures."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from edge.core.structs import nearest
from edge.device.audit.answers import Label, add_answers, everything
from edge.device.audit.export import folder_of
from edge.device.audit.models import model_key, read_models
from edge.errors import ConfigError
from edge.inference.frames.images import find_images


@dataclass(frozen=True, slots=True)
class Labelled:
    """``changed`` had another true label before, ``same`` this one, ``blank`` rows have none."""

    new: int
    changed: int
    same: int
    blank: int


@dataclass(frozen=True, slots=True)
class _Said:
    place: str
    id: str
    label: str


def label(folder: Path, source: Path, new_labels: bool = False) -> Labelled:
    """Takes true labels from ``source``: a CSV with a column ``label`` and one of ``id`` and ``path``, or a folder
    with one folder per label. ``new_labels`` allows labels that no model has.

    All are taken or none. Raises ConfigError that names the line, and StateError.
    """
    known = everything(folder)
    said = list(_from_folders(source) if source.is_dir() else _from_table(source))
    words = _words(folder, known)
    wanted: dict[str, Label] = {}
    for one in said:
        if one.label:
            wanted[one.id] = _answer(one, known, wanted, words, new_labels)
    before = {id_: known[id_].true for id_ in wanted}
    news = [answer for id_, answer in wanted.items() if answer.true != before[id_]]
    if news:
        add_answers(folder, news)
    new = sum(before[answer.sample.id] is None for answer in news)
    return Labelled(new, len(news) - new, len(wanted) - len(news), sum(not one.label for one in said))


def _answer(
    said: _Said, known: Mapping[str, Label], wanted: Mapping[str, Label], words: dict[str, str], new: bool
) -> Label:
    if said.id not in known:
        raise ConfigError(f"{said.place}: no sample {said.id!r} here; expected an id, or a path, that was exported")
    true = words.get(said.label, said.label)
    if true not in words.values() and not new:
        hint = nearest(true, sorted(set(words.values())))
        raise ConfigError(f"{said.place}: no model has the label {true!r}; {hint}; --new-labels takes new ones")
    if said.id in wanted and wanted[said.id].true != true:
        raise ConfigError(f"{said.place}: {said.id} is {true!r} here and {wanted[said.id].true!r} before; keep one")
    return Label(known[said.id].sample, true)


def _words(folder: Path, known: Mapping[str, Label]) -> dict[str, str]:
    """Labels by themselves and by the names of their folders."""
    models = read_models(folder)
    labels = {name for facts in models.values() for name in facts.labels}
    for answer in known.values():
        sample = answer.sample
        # Without the model's facts, what it said is all that is known of its labels.
        if model_key(sample.model, sample.model_version) not in models:
            labels |= {sample.label, *sample.scores}
        if answer.true is not None:
            labels.add(answer.true)
    return {folder_of(name): name for name in labels} | {name: name for name in labels}


def _from_folders(root: Path) -> Iterator[_Said]:
    for path in find_images(root):
        if path.parent == root:
            raise ConfigError(f"{path}: expected it in a folder of {root} that is named as its label")
        yield _Said(str(path), path.stem, path.parent.name)


def _from_table(path: Path) -> Iterator[_Said]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            key = _key(path, rows.fieldnames or ())
            for row in rows:
                name = (row[key] or "").strip()
                place = f"{path}, line {rows.line_num}"
                yield _Said(place, Path(name).stem if key == "path" else name, (row["label"] or "").strip())
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path}: cannot be read ({error}); expected a CSV in UTF-8, or a folder") from None


def _key(path: Path, columns: object) -> str:
    names = list(columns) if isinstance(columns, list | tuple) else []
    for key in ("id", "path"):
        if key in names and "label" in names:
            return key
    shown = ", ".join(map(str, names)) or "none"
    raise ConfigError(f"{path}: expected the columns label and id, or label and path; got {shown:.120}")
