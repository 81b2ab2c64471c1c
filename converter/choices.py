"""The words of ``edge convert`` that ``edge.core.choices`` does not have. Light: the command line starts with it."""

from __future__ import annotations

from typing import Literal

from edge.core.choices import Range

ConverterRange = Literal[Range, "torch", "caffe"]
"""Pixel range that a model was trained on. The last two are ImageNet's mean and deviation per channel, and its mean
alone."""

Quantize = Literal["none", "float16", "dynamic", "int8", "int16x8", "mixed"]
"""Number format that a model is stored in and computed with."""

EPOCHS = 20
"""Epochs of fine-tuning when no number is given."""
