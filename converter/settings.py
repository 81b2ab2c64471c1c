"""Settings of a conversion."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from converter.choices import ConverterRange, Quantize
from converter.measurement.loadable import OLDEST, check_version
from edge.core.choices import Colour, Interpolation, Resize
from edge.errors import ConfigError, ConversionError
from edge.trust.keys import PrivateKey, passphrase

_BESIDE = (".html", ".c", ".h", ".onnx")


@dataclass(frozen=True)
class Settings:
    """Each is an option of ``edge convert``."""

    evaluation: Path | None = None
    """Pictures to evaluate with, instead of a part of the data."""
    labels: Path | None = None
    """One label a line, in the order of the model's outputs, instead of the sorted folder names."""
    range: ConverterRange | None = None
    colour: Colour | None = None
    resize: Resize | None = None
    interpolation: Interpolation | None = None
    """Preprocessing that the model was trained with; what is not given is found."""
    name: str | None = None
    """Model id; default: the output's file name."""
    version: int = 1
    calibration: int = 200
    """Most pictures to calibrate with."""
    quantize: Quantize = "int8"
    target_drop: float | None = None
    """Points of accuracy that may be lost; the recipe is searched, ``quantize`` is not looked at."""
    fine_tune: int | None = None
    """Epochs of training with the rounding in the graph."""
    sparsity: float = 0.0
    """Share of the weights that shall be zero."""
    c_array: bool = False
    """Also write the flatbuffer as C source and header."""
    onnx: bool = False
    """Also write the float model as ONNX, beside the artifact."""
    min_runtime: str = OLDEST
    """The oldest TFLite runtime that must be able to run it."""
    seed: int = 0
    sign: Path | None = None
    """Private key that the artifact is signed with."""
    passphrase_file: Path | None = None
    """Its passphrase, on the first line."""

    def key(self) -> PrivateKey | None:
        """Raises ConfigError when it cannot be used, MissingError without the extra ``signing``."""
        return None if self.sign is None else PrivateKey.read(self.sign, passphrase(self.passphrase_file))

    def model_id(self, out: Path) -> str:
        """Raises ConfigError for a name that cannot be part of an MQTT topic."""
        name = re.sub(r"[^A-Za-z0-9._-]", "-", out.stem) if self.name is None else self.name
        if not re.fullmatch(r"[A-Za-z0-9._-]+", name):
            raise ConfigError(f"--name {name!r}: expected letters, digits, dot, dash and underscore")
        return name

    def check(self, out: Path) -> None:
        """Refuses at once what would fail after minutes of work. Raises ConfigError, ConversionError."""
        self.model_id(out)
        check_version(self.min_runtime)
        for option, value in (("--model-version", self.version), ("--calibration", self.calibration)):
            if value < 1:
                raise ConfigError(f"{option} {value}: expected a whole number from 1")
        if self.target_drop is not None and not 0 <= self.target_drop < 100:
            raise ConfigError(f"--target-drop {self.target_drop:g}: expected points of accuracy, from 0 to below 100")
        self._check_training()
        self.key()
        if not out.parent.is_dir():
            raise ConversionError(f"{out}: no folder {out.parent}; make it first")
        for path in (out, *(out.with_suffix(suffix) for suffix in _BESIDE)):
            if path.is_dir():
                raise ConversionError(f"{path}: is a folder; expected a name that is free for a file")
        if out.suffix in _BESIDE:
            raise ConfigError(f"{out}: {out.suffix} is the name of a file beside the artifact; expected .tflite")

    def _check_training(self) -> None:
        if self.fine_tune is not None and self.fine_tune < 1:
            raise ConfigError(f"--fine-tune {self.fine_tune}: expected a whole number of epochs, from 1")
        if not 0 <= self.sparsity < 1:
            raise ConfigError(f"--sparsity {self.sparsity:g}: expected a share of the weights, from 0 to below 1")
        if self.sparsity and self.target_drop is not None:
            raise ConfigError(
                "--sparsity with --target-drop: expected one of them; find the recipe first, then prune it"
            )
        if (self.fine_tune or self.sparsity) and self.target_drop is None and self.quantize == "int16x8":
            raise ConfigError("--quantize int16x8: cannot be fine-tuned or pruned; int8, mixed and dynamic can")
        if self.fine_tune and not self.sparsity and self.target_drop is None and self.quantize in ("none", "float16"):
            raise ConfigError(
                f"--fine-tune with --quantize {self.quantize}: nothing is lost that training could regain"
            )
