"""Teaches the rounded graph to answer as the float graph does.

The float model is the teacher, so that no labels are needed and any picture will do (G. Hinton et al., "Distilling
the Knowledge in a Neural Network", 2015). The rounded graph learns its scores, and what its layers say (A. Romero et
al., "FitNets", ICLR 2015), for the calibration pictures are few.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from converter.finetune import pruning
from converter.finetune.augment import augment
from converter.finetune.network import TensorValues, TrainableNetwork
from converter.finetune.optimizer import Adam
from converter.finetune.rounding import Rounding
from converter.finetune.task import Task, rounding_of
from converter.flatbuffer.flat import Flat, TensorProbe
from converter.progress import Progress
from converter.quiet import tensorflow
from edge.errors import ConversionError

BATCH = 32
RATE = 3e-4
"""Learning rate: share of the root mean square of a layer's weights, a step, at the beginning; half a cosine lowers
it to zero."""
PRUNING_RATE = 1e-3
RANGE_RATE = 1e-3
LAYERS = 1.0
"""Weight of the layers' mean squared error, in units of each layer's own mean square, beside that of the scores."""
SAME = 1e-3
"""Largest difference of a score between TensorFlow and TFLite, of scores about 1."""


class Trainer:
    """``flat`` is float32; where activations are quantized, with ranges in it."""

    def __init__(self, flat: Flat, task: Task) -> None:
        """Raises ConversionError for an operator that cannot be trained."""
        tf = tensorflow()
        self._flat, self._task = flat, task
        self._teacher = TrainableNetwork(flat, Rounding())
        self._student = TrainableNetwork(flat, rounding_of(task, flat))
        rounding, weights = self._student.rounding, self._student.trained
        self._variables = [*weights.values(), *rounding.trained]
        rate = PRUNING_RATE if task.sparsity else RATE
        self._optimizer = Adam(self._variables, [rate] * len(weights) + [RANGE_RATE] * len(rounding.trained))
        self._masks = {tensor: tf.Variable(tf.ones_like(weights[tensor])) for tensor in self._student.kernels}
        self._layers = [one.output for one in flat.operators if one.weighed]

    def train(self, pixels: NDArray[np.uint8], progress: Progress) -> None:
        """``pixels``: (n, height, width, channels), input tensors."""
        tf = tensorflow()
        batches = self._task.epochs * math.ceil(len(pixels) / BATCH)
        for number, batch in enumerate(progress.count(self._batches(pixels), batches, "trained step")):
            if self._task.sparsity:
                self._prune(number / batches)
            self._step(tf.constant(batch), tf.constant(0.5 + 0.5 * math.cos(math.pi * number / batches), tf.float32))
            self._student.rounding.restrain()
        if self._task.sparsity:
            self._prune(1.0)

    def check(self, pixels: NDArray[np.uint8]) -> None:
        """Raises ConversionError unless the float function is what TFLite computes on these few pictures."""
        scores = self._teacher.scores
        found = self._teacher(pixels.astype(np.float32))[scores].numpy()
        probe = TensorProbe(self._flat, [scores])
        wanted = np.concatenate([probe(picture)[0] for picture in pixels])
        gap = float(np.abs(found - wanted).max()) if found.shape == wanted.shape else np.inf
        if not gap <= SAME * max(1.0, float(np.abs(wanted).max())):
            raise ConversionError(
                f"this model cannot be fine-tuned or pruned: TensorFlow and TFLite differ by {gap:.1e} on it; "
                "--quantize works without --fine-tune and --sparsity"
            )

    def loss(self, pixels: NDArray[np.uint8]) -> float:
        """Loss on these pictures as they are."""
        return float(np.mean([self._loss_of(part.astype(np.float32)) for part in _parts(pixels)]))

    def result(self) -> bytes:
        """The float flatbuffer with what was learnt."""
        flat = Flat(self._flat.to_bytes())
        for tensor, values in self._student.trained.items():
            flat.put(tensor, (values * self._masks[tensor] if tensor in self._masks else values).numpy())
        self._student.rounding.write(flat)
        return flat.to_bytes()

    def _batches(self, pixels: NDArray[np.uint8]) -> Iterator[NDArray[np.float32]]:
        rng = np.random.default_rng(self._task.seed)
        for _ in range(self._task.epochs):
            for part in _parts(pixels[rng.permutation(len(pixels))]):
                yield augment(part, rng)

    def _prune(self, done: float) -> None:
        weights = [self._student.trained[tensor].numpy() for tensor in self._masks]
        chosen = pruning.masks(weights, pruning.share_at(done, self._task.sparsity))
        if done < pruning.RISING or done == 1.0:
            for mask, values in zip(self._masks.values(), chosen, strict=True):
                mask.assign(values)

    @cached_property
    def _step(self) -> Any:
        tf = tensorflow()

        def step(pixels: Any, part: Any) -> None:
            wanted = self._teacher(pixels)
            with tf.GradientTape() as tape:
                loss = self._loss(self._student(pixels, self._masks), wanted)
            self._optimizer.step(tape.gradient(loss, self._variables), part)

        return tf.function(step, reduce_retracing=True)

    @cached_property
    def _loss_of(self) -> Any:
        tf = tensorflow()
        return tf.function(
            lambda pixels: self._loss(self._student(pixels, self._masks), self._teacher(pixels)),
            reduce_retracing=True,
        )

    def _loss(self, found: TensorValues, wanted: TensorValues) -> Any:
        tf = tensorflow()
        layers = [_relative_error(found[tensor], wanted[tensor]) for tensor in self._layers]
        return self._of_scores(found, wanted) + LAYERS * tf.add_n(layers) / len(layers)

    def _of_scores(self, found: TensorValues, wanted: TensorValues) -> Any:
        """Kullback-Leibler divergence of softmax scores; of others the squared error."""
        tf = tensorflow()
        logits, target = found[self._student.logits], wanted[self._student.logits]
        if not self._student.softmax:
            return _relative_error(logits, target)
        gap = tf.nn.log_softmax(target) - tf.nn.log_softmax(logits)
        return tf.reduce_mean(tf.reduce_sum(tf.nn.softmax(target) * gap, axis=-1))


def _relative_error(found: Any, wanted: Any) -> Any:
    tf = tensorflow()
    return tf.reduce_mean((found - wanted) ** 2) / (tf.reduce_mean(wanted**2) + 1e-12)


def _parts(pixels: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    for start in range(0, len(pixels), BATCH):
        yield pixels[start : start + BATCH]
