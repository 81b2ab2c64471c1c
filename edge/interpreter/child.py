"""Load and run a model in a child process first: some malformed models abort the interpreter, and its process.

Run as a program it is the child: the flatbuffer comes in on standard input.
"""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from typing import cast

import numpy as np

from edge.choices import RuntimeChoice
from edge.errors import ArtifactError, EdgeError
from edge.interpreter.wrapper import open_interpreter

MEMORY_BYTES = 8 << 30
"""Address space of the child: a model that asks for more is refused instead of waking the OOM killer."""


def check_in_child(model: bytes, runtime: RuntimeChoice = "auto", threads: int = 1, timeout_s: float = 60.0) -> None:
    """Raises ArtifactError when the model cannot be loaded and run once on zeros without harm."""
    command = [sys.executable, "-m", "edge.interpreter.child", runtime, str(threads)]
    try:
        done = subprocess.run(command, input=model, capture_output=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired:
        raise ArtifactError(f"the model did not run within {timeout_s:.0f} s; it is unfit here") from None
    if done.returncode < 0:
        name = signal.Signals(-done.returncode).name
        raise ArtifactError(f"the model brings the interpreter down ({name}); it is malformed, convert it again")
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise ArtifactError(lines[-1] if lines else f"the model check ended with status {done.returncode}")


def main(runtime: RuntimeChoice, threads: int) -> int:
    """The child: one line on standard error and status 1 when the model is no good."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        interpreter = open_interpreter(sys.stdin.buffer.read(), runtime, threads)
        if len(interpreter.inputs) != 1 or not interpreter.outputs:
            raise ArtifactError(f"a model with {len(interpreter.inputs)} inputs; expected one picture")
        spec = interpreter.inputs[0]
        interpreter.invoke(np.zeros(spec.shape, spec.dtype))
    except (EdgeError, MemoryError, TypeError) as error:
        sys.stderr.write(f"{error or type(error).__name__}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(cast(RuntimeChoice, sys.argv[1]), int(sys.argv[2])))
