"""A model ready to judge pictures: preprocess → interpreter → decide."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.core.choices import RuntimeChoice
from edge.errors import ArtifactError, EdgeError, MissingError
from edge.inference.artifact import Artifact
from edge.inference.artifact.describe import ArtifactDescription, Given, describe
from edge.inference.frames.frame import Image
from edge.inference.interpreter import Delegate, Interpreter, Wanted, checked
from edge.inference.preprocess import Preprocessor
from edge.inference.tasks.classification import ClassificationRule, Decider, Decision
from edge.inference.tuning import SetupChoice, choose_setup

REFUSALS_MOST = 1000
"""Then the interpreter is opened anew: the runtimes keep the text of every refusal, and repeat all in each."""


class Model:
    """One instance serves one thread."""

    def __init__(
        self,
        artifact: Artifact,
        interpreter: Interpreter,
        description: ArtifactDescription,
        rule: ClassificationRule,
        why: str = "as set",
    ) -> None:
        self.artifact = artifact
        self.description = description
        self._use(interpreter)
        self.why = why
        """Why it runs with the interpreter's set-up and no other."""
        self._refusals = 0
        self._rule = rule
        self._decide = Decider(description.output, description.labels, rule)

    @property
    def name(self) -> str:
        """The model id."""
        return self.artifact.name

    @property
    def labels(self) -> tuple[str, ...]:
        return self.description.labels

    @property
    def running(self) -> str:
        """With what it runs, and why."""
        runtime = self.interpreter.runtime
        return f"{runtime.name} {runtime.version}, {self.interpreter.setup.how} ({self.why})"

    def clone(self) -> Model:
        """The same model once more, for another thread; it is known to load."""
        return Model(self.artifact, self._open_anew(), self.description, self._rule, self.why)

    def predict(self, image: Image) -> Decision:
        """Judges one picture, H×W×3 uint8 BGR of any size. Raises ArtifactError when the runtime refuses."""
        return self._decide(self.raw(image))

    def raw(self, image: Image) -> NDArray[np.generic]:
        """The output tensor as it is, shape (1, classes), in the model's dtype; the next call overwrites it.

        Raises ArtifactError when the runtime refuses.
        """
        self.preprocess(image)
        try:
            return self.interpreter.run()
        except ArtifactError:
            self._refused()
            raise

    def _refused(self) -> None:
        self._refusals += 1
        if self._refusals == REFUSALS_MOST:
            self._refusals = 0
            # What refuses to be opened, as while an accelerator is unplugged, leaves the old one in its place.
            with suppress(EdgeError):
                self._use(self._open_anew())

    def _open_anew(self) -> Interpreter:
        return Interpreter(self.artifact.model, self.interpreter.setup)

    def _use(self, interpreter: Interpreter) -> None:
        # Both or none: a preprocessor writes into its own interpreter's memory.
        self.preprocess, self.interpreter = Preprocessor(self.description.input, interpreter.input), interpreter


def load(
    path: Path | str,
    *,
    runtime: RuntimeChoice = "auto",
    threads: int | None = None,
    xnnpack: bool | None = None,
    delegate: Delegate | str | None = None,
    rule: ClassificationRule | None = None,
    given: Given | None = None,
    state: Path | None = None,
) -> Model:
    """A model from a ``.tflite``, tried in a child process and on its golden samples first.

    What is left out of ``runtime``, ``threads``, ``xnnpack`` and ``delegate`` (a library with the external delegate
    interface, ``PATH[?key=value&...]``) is what ``edge bench --tune`` found here, else litert, 1, True and None.
    ``state`` is a folder that remembers which models were tried in a child process already.

    Raises ArtifactError for a file that is missing, broken or unfit, MissingError without a runtime or the delegate,
    ConfigError when ``given`` repeats what the artifact states.
    """
    artifact = Artifact.load(path)
    delegate = Delegate.parse(delegate) if isinstance(delegate, str) else delegate
    choice = choose_setup(artifact.path, artifact.sha256, Wanted(runtime, threads, xnnpack, delegate), state)
    try:
        with checked(artifact.model, choice.setup, state):
            return open_unchecked(artifact, choice, rule, given)
    except MissingError as error:
        raise MissingError(f"{path}: {error}") from None
    except ArtifactError as error:
        prefix = "" if str(error).startswith(str(path)) else f"{path}: "
        raise ArtifactError(f"{prefix}{error}") from None


def open_unchecked(
    artifact: Artifact, choice: SetupChoice, rule: ClassificationRule | None = None, given: Given | None = None
) -> Model:
    """Opens a model like :func:`load`, but a malformed model may bring the process down."""
    interpreter = Interpreter(artifact.model, choice.setup)
    model = Model(
        artifact, interpreter, describe(artifact, interpreter, given), rule or ClassificationRule(), choice.why
    )
    verify_golden(model)
    return model


def verify_golden(model: Model) -> int:
    """Runs the golden samples; returns the largest difference in quantization steps (1/256 for float32).

    Raises ArtifactError when the device does not reproduce them: exactly on the platform they were made on,
    within the manifest's tolerance and with the same class elsewhere.
    """
    golden, manifest = model.artifact.golden, model.artifact.manifest
    if golden is None or manifest is None or not golden.images:
        return 0
    outputs = np.stack([model.raw(image).reshape(-1).copy() for image in golden.images])
    if outputs.shape != golden.outputs.shape:
        raise ArtifactError(f"{model.artifact.path}: golden outputs of another shape {golden.outputs.shape}")
    steps = 256.0 if outputs.dtype == np.float32 else 1.0
    difference = np.abs(outputs.astype(np.float64) - golden.outputs.astype(np.float64)).max() * steps
    exact = manifest.golden_platform == model.interpreter.platform and outputs.dtype != np.float32
    allowed = 0 if exact else manifest.golden_tolerance
    same_class = bool((outputs.argmax(axis=1) == golden.outputs.argmax(axis=1)).all())
    if difference > allowed or not same_class:
        raise ArtifactError(
            f"{model.artifact.path}: golden samples come out {difference:.0f} steps apart (allowed {allowed}) on "
            f"{model.interpreter.platform}; this device must not judge parts with it, convert it again"
        )
    return int(np.ceil(difference))
