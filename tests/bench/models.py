"""A model of the size that the bars speak of."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2

from converter.convert import convert
from converter.settings import Settings
from edge.sim import SimulatedLine
from edge.sim.options import LABELS

PICTURES = 60


@cache
def mobilenet(folder: Path) -> Path:
    """MobileNetV2 at 224×224 with 1.3 times its usual width, untrained, as int8: a whole artifact of 4.0 MB."""
    import keras

    source, out = folder / "mobilenet.keras", folder / "mobilenet.tflite"
    keras.applications.MobileNetV2((224, 224, 3), alpha=1.3, weights=None, classes=len(LABELS)).save(source)
    line = SimulatedLine.from_uri("sim://line?seed=1")
    for number in range(PICTURES):
        label = LABELS[number % len(LABELS)]
        (folder / "pictures" / label).mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / "pictures" / label / f"{number}.png"), line.image(number, label))
    settings = Settings(range="-1..1", colour="RGB", resize="stretch", interpolation="area")
    convert(source, folder / "pictures", out, settings)
    return out
