"""Fine-tuning and pruning of a tiny model, in every recipe."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from converter.convert import convert
from converter.data.dataset import find
from converter.data.samples import PixelSamples, read
from converter.finetune import Task, Tuning, divide, process, transplant
from converter.finetune import trained as trained_in_a_child
from converter.finetune.trainer import Trainer
from converter.finetune.tuning import zeros
from converter.flatbuffer.flat import Flat
from converter.loading.loading import load
from converter.measurement.runner import run
from converter.preprocessing.conventions import Convention
from converter.progress import Progress
from converter.quantization import recipes
from converter.quantization.modes import Quantizer
from converter.quantization.quantize import Graph
from converter.report.report import RecipeReport
from converter.settings import Settings
from edge.errors import ConfigError, ConversionError
from edge.inference.artifact import Artifact
from edge.inference.artifact.manifest import InputSpec
from tests.support.forkserver import ForkServer

pytestmark = pytest.mark.xdist_group("tensorflow processes")
slow = pytest.mark.slow
quick = pytest.mark.usefixtures("quick_start")


@pytest.fixture(scope="module")
def samples(pictures: Path) -> PixelSamples:
    return read(find(pictures), InputSpec(16, 16, 3, "uint8"), Progress())


@pytest.fixture(scope="module")
def workshop(trained: Path, samples: PixelSamples) -> Quantizer:
    graph = Graph(load(trained), Convention("0..1", "RGB"), "softmax")
    return Quantizer(graph, samples.pixels[::2], Progress(), samples.pixels)


@pytest.fixture(scope="module")
def quick_start(runner_python: Path) -> Iterator[None]:
    """Training processes are forked where TensorFlow is imported already, as they would import it."""
    serves, environment = ["converter.finetune.process"], process.ENVIRONMENT
    with (
        ForkServer(serves, environment=environment, otherwise=runner_python) as server,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(sys, "executable", str(server.python))
        yield


@slow
@quick
def test_training_lowers_the_loss_of_pictures_that_it_does_not_see(workshop: Quantizer, samples: PixelSamples):
    training, held_out = divide(samples.pixels, seed=0)
    trainer = Trainer(Flat(_coarse(workshop._calibrated)), Task("int8", epochs=10))
    before = trainer.loss(held_out)
    trainer.train(training, Progress())
    assert trainer.loss(held_out) < 0.7 * before


@slow
@quick
def test_the_same_seed_gives_the_same_bytes(workshop: Quantizer, samples: PixelSamples):
    task = Task("int8", epochs=1, sparsity=0.5)
    one, again = (trained_in_a_child(workshop._calibrated, samples.pixels, task, Progress()) for _ in range(2))
    assert one == again
    assert one != workshop._calibrated


@slow
@quick
@pytest.mark.parametrize("mode", ["dynamic", "float16", "none"])
def test_weights_are_put_into_recipes_that_are_made_from_keras(workshop: Quantizer, samples: PixelSamples, mode: str):
    """Half of them become zero and the rest twice what they were: shares and scales must follow."""
    into = workshop._quantized(mode)  # type: ignore[arg-type]
    changed = Flat(workshop.float_model)
    for layer in (one for one in changed.operators if one.weighed):
        weights = np.array(changed.floats(layer.inputs[1]))
        weights.reshape(-1)[::2] = 0
        changed.put(layer.inputs[1], 2 * weights)
    made = transplant(changed.to_bytes(), into)
    assert len(made) <= 1.1 * len(into)
    assert all(one.zeros >= one.weights // 2 for one in zeros(made))
    wanted = run(changed.to_bytes(), samples.pixels, "litert", Progress()).outputs
    found = run(made, samples.pixels, "litert", Progress()).outputs
    np.testing.assert_allclose(found.astype(np.float32), wanted.astype(np.float32), atol=0.05)


@slow
@quick
def test_what_is_no_better_is_not_taken(workshop: Quantizer, monkeypatch: pytest.MonkeyPatch):
    """A training that does nothing but harm."""
    monkeypatch.setattr(
        "converter.quantization.modes.trained", lambda model, pixels, task, progress: _coarse(model, 1.0)
    )
    plain, made = workshop.make("int8"), workshop.make("int8", Tuning(epochs=1))
    assert made.model == plain.model
    assert made.tuning is not None
    assert not made.tuning.taken
    assert made.tuning.error_after > made.tuning.error_before


@slow
@quick
def test_a_pruned_artifact_has_the_zeros_that_were_asked_for_and_says_so(
    trained: Path, pictures: Path, tmp_path: Path
):
    out = tmp_path / "colours.tflite"
    settings = Settings(range="0..1", colour="RGB", fine_tune=2, sparsity=0.25)
    report = convert(trained, pictures, out, settings)
    assert report.tuning is not None
    assert report.tuning.epochs == 2
    assert report.tuning.pruning is not None
    assert 0.25 <= report.tuning.pruning.reached < 0.3
    assert sum(one.zeros for one in zeros(Artifact.load(out).model)) == sum(
        one.zeros for one in report.tuning.pruning.layers
    )
    assert report.evaluation.accuracy_quantized >= 0.95
    assert "--fine-tune=2 --sparsity=0.25" in report.provenance.command
    assert "of the weights are zero" in report.summary()
    assert "Fine-tuning" in out.with_suffix(".html").read_text("utf-8")


@slow
@quick
def test_an_operator_that_cannot_be_trained_is_named_before_anything_is_made(
    workshop: Quantizer, samples: PixelSamples
):
    odd = Flat(workshop._calibrated)
    code = odd.model.operatorCodes[odd.graph.operators[1].opcodeIndex]
    code.builtinCode = code.deprecatedBuiltinCode = 36  # GATHER
    with pytest.raises(ConversionError, match="has the operator GATHER; --quantize works without --fine-tune"):
        trained_in_a_child(odd.to_bytes(), samples.pixels, Task("int8", epochs=1), Progress())


def test_too_few_pictures_are_refused():
    with pytest.raises(ConversionError, match="3 pictures to fine-tune with; expected at least 6"):
        divide(np.zeros((3, 8, 8, 3), np.uint8), 0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (Settings(fine_tune=0), "--fine-tune 0: expected a whole number of epochs"),
        (Settings(sparsity=1.0), "--sparsity 1: expected a share of the weights"),
        (Settings(sparsity=0.5, target_drop=1.0), "--sparsity with --target-drop"),
        (Settings(sparsity=0.5, quantize="int16x8"), "--quantize int16x8: cannot be fine-tuned or pruned"),
        (Settings(fine_tune=3, quantize="float16"), "--fine-tune with --quantize float16: nothing is lost"),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings: Settings, message: str, tmp_path: Path):
    with pytest.raises(ConfigError, match=message):
        settings.check(tmp_path / "out.tflite")


def test_fine_tuned_int8_is_tried_only_where_int8_will_not_do(monkeypatch: pytest.MonkeyPatch):
    made: list[str] = []

    def attempt(mode: str, tuning: Tuning | None, *rest: object) -> RecipeReport:
        drop = 1.0 if mode == "int8" and tuning is None else 0.2
        found = RecipeReport(mode, 1000, 0.9, 0.9, 1.0, drop=drop, fine_tuned=tuning is not None)  # type: ignore[arg-type]
        made.append(found.name)
        return found

    monkeypatch.setattr(recipes, "_try", attempt)
    monkeypatch.setattr(recipes, "classes_of", lambda outputs: outputs)
    for target, expected in ((0.5, "int8 fine-tuned"), (1.5, "int8")):
        made.clear()
        choice = recipes.choose(_Nothing(), _Nothing(), Settings(target_drop=target), Progress())  # type: ignore[arg-type]
        assert ("int8 fine-tuned" in made) == (expected == "int8 fine-tuned")
        assert next(one.name for one in choice.tried if one.chosen) == expected
        assert (choice.tuning is not None) == (expected == "int8 fine-tuned")
        assert choice.why.startswith(f"{expected} (full-integer int8) is the lightest")


class _Nothing:
    """Stands for a workshop and samples that are not looked at."""

    graph = pixels = property(lambda self: self)

    def predict(self, pixels: object) -> object:
        return pixels

    def __len__(self) -> int:
        return 200


def _coarse(model: bytes, share: float = 0.2) -> bytes:
    """With biases that are wrong."""
    flat = Flat(model)
    for layer in (one for one in flat.operators if one.weighed):
        bias = np.array(flat.floats(layer.inputs[2]))
        flat.put(layer.inputs[2], bias + share * np.abs(bias).max() * np.resize([1, -1], bias.shape))
    return flat.to_bytes()
