"""A ready ``.tflite`` on many pictures, through the device's own preprocessing and interpreter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from converter.data.scores import Outputs
from converter.loading.classifier import ProbeInput
from converter.measurement.runner import Run, installed_runtimes, run
from converter.preprocessing.conventions import Convention
from converter.progress import Progress
from edge.core.choices import Dtype, RuntimeChoice
from edge.errors import ConversionError
from edge.inference.artifact.manifest import InputSpec, OutputSpec
from edge.inference.interpreter import TensorInfo
from edge.inference.preprocess import Preprocessor
from edge.inference.tasks.classification import scores_of

CHUNK_BYTES = 128 << 20
"""Input tensors that are in memory, and in a temporary file, at a time."""

_DTYPES: dict[str, Dtype] = {"uint8": "uint8", "int8": "int8", "int16": "int16", "float32": "float32"}


@dataclass(frozen=True)
class Ready:
    """A flatbuffer that is known to be an image classifier. Shapes: (1, height, width, channels) → (1, size)."""

    path: Path
    flatbuffer: bytes
    source: TensorInfo
    result: TensorInfo
    progress: Progress

    @property
    def height(self) -> int:
        return self.source.shape[1]

    @property
    def width(self) -> int:
        return self.source.shape[2]

    @property
    def channels(self) -> int:
        return self.source.shape[3]

    @property
    def classes(self) -> int:
        return self.result.shape[-1]

    def input_spec(self, convention: Convention, material: InputSpec) -> InputSpec:
        """Way from pictures, resized as ``material`` says, to the tensor of a model trained with ``convention``."""
        mean, std = convention.normalization()
        return replace(
            material,
            dtype=_dtype(self.path, self.source),
            scale=self.source.scale,
            zero_point=self.source.zero_point,
            colour=convention.colour,
            mean=mean,
            std=std,
        )

    def output_spec(self) -> OutputSpec:
        """Facts that the output tensor itself states; not yet whether its scores are probabilities or logits."""
        info = self.result
        return OutputSpec(info.shape[-1], _dtype(self.path, info), info.scale, info.zero_point)

    def judge(self, pixels: NDArray[np.uint8], convention: Convention) -> Outputs:
        """Real outputs, (n, size), on the first runtime."""
        return self.judge_each([(pixels, convention)])[0]

    def judge_each(self, asked: Iterable[ProbeInput]) -> list[Outputs]:
        """Real outputs of each, as ``Classifier`` has it, on the first runtime."""
        raw = self.output_spec()
        runs = self.run_each(asked, installed_runtimes()[0], self.progress)
        each = [np.stack([scores_of(row, raw) for row in run.outputs]) for run in runs]
        if not all(np.isfinite(outputs).all() for outputs in each):
            raise ConversionError(f"{self.path}: its scores are not numbers; NaN or infinity is in its weights")
        return each

    def run_each(
        self, asked: Iterable[ProbeInput], runtime: RuntimeChoice, progress: Progress, xnnpack: bool = True
    ) -> list[Run]:
        """One run of each, in as few child processes as memory allows. Raises ConversionError, MissingError."""
        sizes: list[int] = []
        runs: list[Run] = []
        waiting: list[NDArray[np.generic]] = []
        for pixels, convention in asked:
            sizes.append(len(pixels))
            for part in self._tensors(pixels, convention):
                if sum(one.nbytes for one in waiting) + part.nbytes > CHUNK_BYTES:
                    runs.append(run(self.flatbuffer, np.concatenate(waiting), runtime, progress, xnnpack))
                    waiting.clear()
                waiting.append(part)
        runs.append(run(self.flatbuffer, np.concatenate(waiting), runtime, progress, xnnpack))
        return replace(runs[0], outputs=np.concatenate([one.outputs for one in runs])).split(sizes)

    def _tensors(self, pixels: NDArray[np.uint8], convention: Convention) -> Iterator[NDArray[np.generic]]:
        """Input tensors by the device's own preprocessing, (n, height, width, channels), a chunk at a time."""
        # As the preprocessing takes a picture: BGR, already of the right height and width.
        small = np.repeat(pixels, 3, axis=3) if self.channels == 1 else np.ascontiguousarray(pixels[:, :, :, ::-1])
        plain = InputSpec(self.height, self.width, self.channels, "uint8")
        preprocess = Preprocessor(self.input_spec(convention, plain))
        step = max(1, CHUNK_BYTES // preprocess.tensor.nbytes)
        for start in range(0, len(small), step):
            yield np.stack([preprocess(picture)[0].copy() for picture in small[start : start + step]])


def _dtype(path: Path, info: TensorInfo) -> Dtype:
    if info.dtype not in _DTYPES:
        raise ConversionError(f"{path}: tensor {info.name!r} is {info.dtype}; expected one of {', '.join(_DTYPES)}")
    return _DTYPES[info.dtype]
