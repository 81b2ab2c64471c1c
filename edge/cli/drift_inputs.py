"""Inputs that ``edge drift`` can compare: tables, an artifact's reference, pictures, and what a device's buffer
kept."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from edge.device.buffer.schema import open_reader
from edge.drift.features import FEATURES, measure
from edge.drift.reference import Reference
from edge.drift.tables import READERS, ColumnArrays, read_table, table_of_reference
from edge.errors import ArtifactError, SourceError, StateError
from edge.inference.frames import capture
from edge.inference.frames.frame import Frame, Image
from edge.inference.model import Model
from edge.protocol.record import unpack

SIDE = 224
"""Pictures that no model resizes are shrunk to this longest side before they are measured."""
PREDICTED, SCORE = "predicted", "score"


def is_model(path: str) -> bool:
    return path.lower().endswith(".tflite")


def read_reference(model: Model) -> ColumnArrays:
    """Reads the drift reference of an artifact. Raises ArtifactError when it has no reference."""
    packed = model.artifact.reference
    if packed is None:
        raise ArtifactError(f"{model.artifact.path}: no drift reference in it; 'edge convert' records one")
    return table_of_reference(Reference.from_bytes(packed))


def read_side(path: str, model: Model | None, max_pictures: int) -> ColumnArrays:
    """A table of one side; pictures go through ``model`` where there is one, at most ``max_pictures`` of them.

    Raises SourceError, StateError, MissingError, ArtifactError.
    """
    place = Path(path).expanduser()
    if place.suffix.lower() in READERS and "://" not in path:
        if not place.exists():
            raise SourceError(f"{path}: not found")
        return read_table(place)
    database = place / "buffer.db" if place.is_dir() else place
    if database.suffix == ".db" and database.exists():
        return read_buffer(database, model.labels if model else None)
    return read_pictures(path, model, max_pictures)


def read_pictures(path: str, model: Model | None, max_pictures: int) -> ColumnArrays:
    """Features of each picture, and with a model its scores and its label."""
    rows, scores, labels = [], [], []
    for frame in _readable(path, max_pictures):
        if model is None:
            rows.append(measure(_small(frame)))
            continue
        decision = model.predict(frame)
        rows.append(measure(model.preprocess.small))
        scores.append(decision.scores.copy())
        labels.append(decision.label)
    if not rows:
        raise SourceError(f"{path}: no picture in it that can be read")
    table: ColumnArrays = dict(zip(FEATURES, np.array(rows).T, strict=True))
    if model is None:
        return table
    outputs = np.array(scores, np.float64)
    if outputs.shape[1] == 1 and len(model.labels) == 2:
        outputs = np.concatenate([1 - outputs, outputs], axis=1)
    table |= {f"{SCORE}:{label}": outputs[:, place] for place, label in enumerate(model.labels)}
    return table | {PREDICTED: np.array(labels, object)}


def read_buffer(path: Path, labels: tuple[str, ...] | None) -> ColumnArrays:
    """The records a device kept: predicted label and its score. Without ``labels`` they are numbers."""
    try:
        with open_reader(path) as database:
            rows = database.execute("SELECT payload FROM entry WHERE kind = 'predictions' ORDER BY id").fetchall()
        records = [record for (payload,) in rows for record in unpack(payload)]
    except (sqlite3.Error, ValueError) as error:
        raise StateError(f"{path}: not a buffer that can be read ({error})") from None
    if not records:
        raise StateError(f"{path}: no decisions in it")
    words = [labels[one.label] if labels and one.label < len(labels) else str(one.label) for one in records]
    return {PREDICTED: np.array(words, object), SCORE: np.array([one.score for one in records], np.float64)}


def _readable(path: str, max_pictures: int) -> Iterator[Image]:
    frames: Iterator[Frame] = islice(capture(path), max_pictures)
    for frame in frames:
        if frame.image is not None:
            yield frame.image


def _small(image: Image) -> Image:
    ratio = SIDE / max(image.shape[:2])
    if ratio >= 1:
        return image
    size = (max(1, round(image.shape[1] * ratio)), max(1, round(image.shape[0] * ratio)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
