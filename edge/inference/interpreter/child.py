"""Load and run a model in a child process first: some malformed models abort the interpreter, and its process.

Run as a program it is the child: the flatbuffer comes in on standard input.
"""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys

import numpy as np

from edge.core.structs import build, plain
from edge.errors import ArtifactError, ConfigError, EdgeError, MissingError
from edge.inference.interpreter.setup import Setup
from edge.inference.interpreter.wrapper import Interpreter

MEMORY_BYTES = 8 << 30
"""Address space of the child: a model that asks for more is refused instead of waking the OOM killer."""

_KINDS: dict[int, type[EdgeError]] = {kind.exit_status: kind for kind in (ConfigError, MissingError)}


def check_in_child(model: bytes, setup: Setup | None = None, timeout_s: float = 60.0) -> None:
    """Raises ArtifactError when the model cannot be loaded and run once on zeros without harm, MissingError when
    its delegate is missing.
    """
    command = [sys.executable, "-m", "edge.inference.interpreter.child", json.dumps(plain(setup or Setup()))]
    try:
        done = subprocess.run(command, input=model, capture_output=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired:
        raise ArtifactError(f"the model did not run within {timeout_s:.0f} s; it is unfit here") from None
    raise_failure(done, setup or Setup())


def raise_failure(done: subprocess.CompletedProcess[bytes], setup: Setup) -> None:
    """Raises what a child that loads a model has died of: ArtifactError, ConfigError or MissingError."""
    if done.returncode < 0:
        name = signal.Signals(-done.returncode).name
        raise ArtifactError(f"the model brings the interpreter down ({name}); {_blame(setup)}")
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        kind = _KINDS.get(done.returncode, ArtifactError)
        raise kind(lines[-1] if lines else f"the model check ended with status {done.returncode}")


def main(setup: Setup) -> int:
    """The child: one line on standard error and another status than 0 when the model is no good."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        interpreter = Interpreter(sys.stdin.buffer.read(), setup)
        if len(interpreter.inputs) != 1 or not interpreter.outputs:
            raise ArtifactError(f"a model with {len(interpreter.inputs)} inputs; expected one picture")
        spec = interpreter.inputs[0]
        interpreter.invoke(np.zeros(spec.shape, spec.dtype))
    except (EdgeError, MemoryError, TypeError) as error:
        sys.stderr.write(f"{error or type(error).__name__}\n")
        return error.exit_status if isinstance(error, EdgeError) else 1
    return 0


def _blame(setup: Setup) -> str:
    if setup.delegate is not None:
        return f"leave out delegate {setup.delegate.library}, or convert the model again"
    return "it is malformed, convert it again"


if __name__ == "__main__":
    sys.exit(main(build(Setup, json.loads(sys.argv[1]))))
