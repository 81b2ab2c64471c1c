"""Labels that people gave: a file that only grows, beside the samples and outside their cap, so that no work is ever
lost.

A line holds the sample's facts and its true label, or null for a sample that was exported and waits for one: its
picture may be gone by the time its label comes. Of several lines about a sample the last one holds.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from edge.core.atomic import append_lines
from edge.core.structs import plain
from edge.device.audit.folder import read_samples
from edge.device.audit.sample import AuditedPart
from edge.errors import ConfigError, StateError

NAME = "answers.jsonl"


@dataclass(frozen=True, slots=True)
class Label:
    sample: AuditedPart
    true: str | None = None
    """None: nobody has said yet."""

    @property
    def right(self) -> bool:
        return self.true == self.sample.label


def read_answers(folder: Path) -> dict[str, Label]:
    """By the sample's id. A line that a power cut tore is passed over. Raises StateError."""
    try:
        data = (folder / NAME).read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise StateError(f"{folder / NAME}: cannot be read ({error.strerror}); read it as its owner") from None
    return {answer.sample.id: answer for answer in parse_answers(data)}


def parse_answers(data: bytes) -> Iterator[Label]:
    """In order; torn and foreign lines are passed over."""
    for line in data.splitlines():
        yield from _parse(line)


def add_answers(folder: Path, answers: Iterable[Label]) -> None:
    """Durable when it returns, all of them or none. Raises StateError."""
    lines = b"".join(_line(answer) for answer in answers)
    path = folder / NAME
    try:
        with path.open("ab+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            append_lines(file.fileno(), lines)
    except OSError as error:
        raise StateError(f"{path}: cannot be written ({error.strerror}); write it as the daemon's user") from None


def everything(folder: Path) -> dict[str, Label]:
    """All samples that are kept or were exported or labelled, by id, in the order of capture. Raises StateError."""
    if not folder.is_dir():
        raise StateError(f"{folder}: no audit samples; set audit.share in the configuration and run the line")
    known = {sample.id: Label(sample) for sample in read_samples(folder)} | read_answers(folder)
    return dict(sorted(known.items(), key=lambda item: (item[1].sample.wall_ns, item[0])))


def _line(answer: Label) -> bytes:
    fields = {"sample": plain(answer.sample), "true": answer.true}
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def _parse(line: bytes) -> Iterator[Label]:
    try:
        fields = json.loads(line)
        true = fields["true"]
        if true is None or isinstance(true, str):
            yield Label(AuditedPart.from_dict(fields["sample"]), true)
    except (ValueError, KeyError, TypeError, ConfigError):
        return
