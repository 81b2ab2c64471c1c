"""What the wrapper says in the place of a runtime that refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.errors import ArtifactError
from edge.inference.interpreter import open_interpreter, usable_runtimes

REFUSES = Path(__file__).parents[3] / "data" / "faulty" / "refuses.tflite"
ASKED = 200


@pytest.mark.parametrize("runtime", [runtime.name for runtime in usable_runtimes()])
def test_a_refusal_is_said_once_with_its_reason_and_place_however_many_came_before(runtime: str) -> None:
    interpreter = open_interpreter(REFUSES.read_bytes(), runtime)  # type: ignore[arg-type]
    given = interpreter.inputs[0]
    said = []
    for _ in range(ASKED):
        try:
            interpreter.invoke(np.zeros(given.shape, given.dtype))
        except ArtifactError as error:
            said.append(str(error))
    assert len(said) > 100
    place = "Node number 13 (GATHER) failed to invoke"
    assert set(said) == {f"the model cannot be run (gather index out of bounds; {place})"}
