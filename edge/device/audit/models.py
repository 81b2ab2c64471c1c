"""Facts about the models whose samples are here: their labels, and how often they erred when they were made."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from pathlib import Path

from edge.core.structs import build, plain
from edge.inference.artifact.manifest import Manifest

NAME = "models.json"


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """``errors`` of ``n`` evaluated samples; ``n`` is 0 where nobody evaluated the model."""

    labels: tuple[str, ...] = ()
    errors: int = field(default=0, metadata={"min": 0})
    n: int = field(default=0, metadata={"min": 0})

    @classmethod
    def of(cls, labels: tuple[str, ...], manifest: Manifest | None) -> ModelFacts:
        """Facts that the converter measured of the quantized model, or of a wrapped one."""
        if manifest is not None and manifest.evaluation:
            n, accuracy = manifest.evaluation.samples, manifest.evaluation.accuracy_quantized
        elif manifest is not None and manifest.accuracy:
            n, accuracy = manifest.accuracy.samples, manifest.accuracy.accuracy
        else:
            return cls(labels)
        return cls(labels, round((1 - accuracy) * n), n)


def model_key(name: str, version: int) -> str:
    return f"{name}/{version}"


def read_models(folder: Path) -> dict[str, ModelFacts]:
    """By :func:`model_key`. Empty where nothing is known, or where the file is damaged."""
    try:
        found = json.loads((folder / NAME).read_text("utf-8"))
        return {str(key): build(ModelFacts, facts, key, strict=False) for key, facts in found.items()}
    except (OSError, ValueError, AttributeError):
        return {}


def remember_model(folder: Path, key: str, facts: ModelFacts) -> None:
    """Adds one, or replaces what was known of it. Raises OSError."""
    known = read_models(folder)
    if known.get(key) == facts:
        return
    draft = folder / f".{NAME}.partial"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps(plain(known | {key: facts}), ensure_ascii=False), "utf-8")
        draft.replace(folder / NAME)
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)


def labels_of(facts: ModelFacts | None, seen: set[str]) -> tuple[str, ...]:
    """The model's own, and behind them those that were only seen."""
    own = facts.labels if facts else ()
    return own + tuple(sorted(seen - set(own)))
