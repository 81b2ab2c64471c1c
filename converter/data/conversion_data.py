"""The labelled pictures of one conversion, read and divided."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from converter.data.dataset import Dataset, find
from converter.data.samples import PixelSamples, read
from converter.loading.classifier import Classifier
from converter.preprocessing.resizing import first_rule
from converter.progress import Progress
from converter.settings import Settings
from edge.drift.reference import MAX_VALUES
from edge.errors import ConversionError
from edge.inference.artifact.describe import read_labels
from edge.inference.artifact.manifest import InputSpec

EVALUATION_SHARE = 0.5
"""Share of the data that evaluates when there is no folder for it: calibration is content with few, a figure that
convinces is not."""
EVALUATION_MOST = 2000


@dataclass(frozen=True)
class ConversionData:
    """``known`` calibrates and becomes the drift reference; ``unseen`` measures what came of it."""

    spec: InputSpec
    known: PixelSamples
    unseen: PixelSamples

    def resized(self, spec: InputSpec, progress: Progress) -> ConversionData:
        """The same pictures as another ``spec`` wants them."""
        if spec == self.spec:
            return self
        progress.say(f"reading the pictures again, with {spec.resize} and {spec.interpolation} interpolation")
        known, unseen = (
            replace(read(Dataset(part.labels, part.paths, part.classes), spec, progress), damaged=part.damaged)
            for part in (self.known, self.unseen)
        )
        return ConversionData(spec, known, unseen)

    @property
    def labels(self) -> tuple[str, ...]:
        return self.known.labels

    @property
    def damaged(self) -> tuple[Path, ...]:
        return self.known.damaged + self.unseen.damaged


def gather(model: Classifier, data: Path, settings: Settings, progress: Progress) -> ConversionData:
    """Raises ConversionError when the pictures do not fit the model or are too few."""
    known, unseen = _datasets(data, settings)
    if len(known.labels) != model.classes:
        raise ConversionError(
            f"{len(known.labels)} labels ({', '.join(known.labels[:12])}) for a model with {model.classes} classes; "
            f"expected one label in {data} per class, or all of them in a --labels file"
        )
    plain = InputSpec(
        height=model.height,
        width=model.width,
        channels=model.channels,
        dtype="uint8",
        colour="RGB" if model.channels == 3 else "GRAY",
    )
    spec = first_rule(settings).of(plain)
    progress.say(f"reading {len(known) + len(unseen)} pictures")
    return ConversionData(spec, read(known, spec, progress), read(unseen, spec, progress))


def _datasets(data: Path, settings: Settings) -> tuple[Dataset, Dataset]:
    labels = None if settings.labels is None else _labels(settings.labels)
    whole = find(data, labels)
    if settings.evaluation is None:
        known, unseen = whole.split(EVALUATION_SHARE, settings.seed)
    else:
        known, unseen = whole, find(settings.evaluation, whole.labels)
    if not len(unseen):
        raise ConversionError(f"{data}: {len(whole)} pictures; expected two or more of a label, to evaluate with")
    return known.at_most(MAX_VALUES, settings.seed), unseen.at_most(EVALUATION_MOST, settings.seed)


def _labels(path: Path) -> tuple[str, ...]:
    labels = read_labels(path)
    if len(set(labels)) != len(labels) or not labels:
        raise ConversionError(f"{path}: expected one label a line, none of them twice")
    return labels
