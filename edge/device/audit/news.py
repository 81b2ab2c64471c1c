"""Labels that people gave while the daemon runs, or since its last run, for the statistics that leave the device."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from edge.device.audit.answers import NAME as ANSWERS
from edge.device.audit.answers import Label, parse_answers
from edge.drift import DriftWatch

NAME = "counted.json"
"""File that says how much of the answers has been counted, so that a restart counts none twice."""


class AuditChanges:
    """For one thread. Each sample is counted by its first label: a sum over a fleet cannot take one back."""

    def __init__(self, folder: Path) -> None:
        self._answers, self._file = folder / ANSWERS, folder / NAME
        self._counted = _read(self._file)
        self._size = self._counted

    def take(self) -> list[Label]:
        """Samples with a label that had none when it was last asked; one look at the file's size when there are none.

        Raises OSError; nothing counts as taken then.
        """
        try:
            size = self._answers.stat().st_size
        except FileNotFoundError:
            return []
        if size == self._size:
            return []
        data = self._answers.read_bytes()
        end = data.rfind(b"\n") + 1  # what is being written now comes with the next look
        before = {answer.sample.id for answer in parse_answers(data[: self._counted]) if answer.true is not None}
        fresh = [answer for answer in parse_answers(data[self._counted : end]) if answer.true is not None]
        found = {answer.sample.id: answer for answer in reversed(fresh) if answer.sample.id not in before}
        _write(self._file, end)
        self._counted, self._size = end, size
        return list(reversed(found.values()))


def count(answers: Sequence[Label], watches: Mapping[tuple[str, str, int], tuple[DriftWatch, Sequence[str]]]) -> int:
    """Adds them to the windows under way, and says how many it could.

    ``watches``: by camera, model and version, with the model's labels. Samples of other models and labels that the
    model does not have are for ``edge audit report`` alone.
    """
    counted = 0
    for answer in answers:
        sample = answer.sample
        watch, labels = watches.get((sample.camera, sample.model, sample.model_version), (None, ()))
        if watch is not None and sample.label in labels and answer.true in labels:
            watch.add_audit(sample.stratum, labels.index(sample.label), labels.index(answer.true))
            counted += 1
    return counted


def _read(file: Path) -> int:
    try:
        found = json.loads(file.read_text("utf-8"))["bytes"]
    except (OSError, ValueError, KeyError, TypeError):
        return 0
    return found if isinstance(found, int) and found >= 0 else 0


def _write(file: Path, size: int) -> None:
    draft = file.with_name(f".{file.name}.partial")
    draft.write_text(json.dumps({"bytes": size}), "utf-8")
    draft.replace(file)
