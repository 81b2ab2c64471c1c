"""Description of a tensor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """``real = scale * (q - zero_point)``; scale is 1.0 for tensors that are not quantized."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float
    zero_point: int

    @classmethod
    def from_detail(cls, detail: Mapping[str, Any]) -> TensorInfo:
        """From what the runtimes' ``get_input_details`` and ``get_output_details`` list."""
        quantization = detail["quantization_parameters"]
        scales, zero_points = quantization["scales"], quantization["zero_points"]
        return cls(
            name=str(detail["name"]),
            shape=tuple(int(size) for size in detail["shape"]),
            dtype=np.dtype(detail["dtype"]).name,
            scale=float(scales[0]) if len(scales) else 1.0,
            zero_point=int(zero_points[0]) if len(zero_points) else 0,
        )
