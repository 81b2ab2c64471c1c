from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from converter import onnx_export
from converter.convert import convert
from converter.loading.loading import load
from converter.preprocessing.conventions import Convention
from converter.progress import Progress
from converter.quantization.quantize import Graph
from converter.settings import Settings
from edge.core.package import install_hint
from edge.errors import ConfigError, MissingError

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("tensorflow"), pytest.mark.usefixtures("quick_runners")]


def test_the_onnx_model_judges_as_keras_does(trained: Path, pictures: Path, tmp_path: Path):
    pytest.importorskip("tf2onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    report = convert(trained, pictures, tmp_path / "colours.tflite", Settings(onnx=True))
    assert report.onnx is not None
    assert report.onnx.largest_difference < 1e-5
    assert report.onnx.bytes == (tmp_path / "colours.onnx").stat().st_size
    assert "colours.onnx" in report.summary()
    session = onnxruntime.InferenceSession(str(tmp_path / "colours.onnx"))
    red = np.zeros((1, 16, 16, 3), np.float32) + np.array([150, 60, 60], np.float32)
    assert report.labels[session.run(None, {"image": red})[0].argmax()] == "red"


def test_the_same_model_gives_the_same_onnx_bytes(trained: Path):
    pytest.importorskip("tf2onnx")
    pixels = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3)).astype(np.uint8)

    graph = Graph(load(trained), Convention("torch", "RGB"), "softmax")
    first, second = (onnx_export.export(graph, pixels, Path("colours.onnx"), Progress())[0] for _ in range(2))
    assert first == second


def test_a_missing_package_is_said_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    with pytest.raises(MissingError, match=re.escape(f"--onnx: tf2onnx is not installed; {install_hint('onnx')}")):
        convert(tmp_path / "absent.keras", tmp_path, tmp_path / "out.tflite", Settings(onnx=True))


def test_the_artifact_is_not_overwritten_by_the_export(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"\.onnx is the name of a file beside the artifact"):
        convert(tmp_path / "m.keras", tmp_path, tmp_path / "out.onnx", Settings(onnx=True))
