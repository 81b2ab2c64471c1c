from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import ArtifactError
from edge.inference.artifact.golden import Golden


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "float32"])
@pytest.mark.parametrize("count", [0, 1, 3])
def test_what_was_written_is_read(dtype: str, count: int) -> None:
    rng = np.random.default_rng(count)
    images = tuple(rng.integers(0, 256, (5 + i, 9, 3)).astype(np.uint8) for i in range(count))
    outputs = rng.integers(0, 100, (count, 4)).astype(dtype)
    read = Golden.from_bytes(Golden(images, outputs).to_bytes())
    assert len(read.images) == len(read.outputs) == count
    assert all((one == other).all() for one, other in zip(images, read.images, strict=True))
    assert read.outputs.dtype == dtype
    assert read.outputs.tolist() == outputs.tolist()


@settings(max_examples=300)
@given(st.integers(0, 10_000), st.integers(1, 255), st.integers(0, 300))
def test_damage_anywhere_is_one_clear_error_or_harmless(place: int, flip: int, cut: int) -> None:
    golden = Golden((np.zeros((6, 6, 3), np.uint8), np.full((6, 7, 3), 9, np.uint8)), np.zeros((2, 3), np.uint8))
    data = bytearray(golden.to_bytes())
    data[place % len(data)] ^= flip
    for broken in (bytes(data), bytes(data[: cut % len(data)])):
        try:
            read = Golden.from_bytes(broken)
        except ArtifactError as error:
            assert "golden samples are damaged" in str(error)
        else:
            assert len(read.images) == len(read.outputs)
