from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from converter.flatbuffer.dedup import ALIGNMENT, SharingBuilder


@pytest.fixture(scope="module")
def model(colour_model: Path) -> Any:
    return schema.ModelT.InitFromPackedBuf(colour_model.read_bytes(), 0)


@pytest.fixture(scope="module")
def packed(model: Any) -> bytes:
    builder = SharingBuilder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def test_what_is_read_back_is_what_was_written(model: Any, packed: bytes):
    assert _plain(schema.ModelT.InitFromPackedBuf(packed, 0)) == _plain(model)


def test_equal_tables_are_one(model: Any, packed: bytes):
    read = schema.Model.GetRootAs(packed, 0)
    empty = [index for index, one in enumerate(model.buffers) if one.data is None]
    assert len(empty) > 1
    assert len({read.Buffers(index)._tab.Pos for index in empty}) == 1


def test_weights_stay_where_runtimes_want_them(packed: bytes):
    read = schema.Model.GetRootAs(packed, 0)
    buffers = [read.Buffers(index) for index in range(read.BuffersLength())]
    places = [one._tab.Vector(one._tab.Offset(4)) for one in buffers if one.DataLength()]
    assert places
    assert not any(place % ALIGNMENT for place in places)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.tolist()
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return {key: _plain(item) for key, item in vars(value).items()} if hasattr(value, "__dict__") else value
