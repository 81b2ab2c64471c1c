from __future__ import annotations

import numpy as np
import pytest

from converter.measurement import loadable
from converter.measurement.runner import installed_runtimes, run
from converter.progress import Progress
from converter.settings import Settings
from edge.errors import ConfigError, ConversionError, MissingError


def test_operators_newer_than_the_oldest_device_are_refused():
    loadable.check_stated("", "2.14.0")
    loadable.check_stated("2.14.0", "2.14.0")
    with pytest.raises(ConversionError, match=r"needs TFLite runtime 2\.17\.0, .*; give --min-runtime 2\.17\.0"):
        loadable.check_stated("2.17.0", "2.14.0")


def test_a_runtime_that_was_not_tried_is_said():
    (warning,) = loadable.untried(("litert 2.3.0 x86_64",), "2.14.0")
    assert warning.startswith("not tried on tflite-runtime 2.14.0")
    assert loadable.PYTHON in warning
    assert not loadable.untried(("litert 2.3.0 x86_64",), "2.17.0")
    assert not loadable.untried(("litert 2.3.0 x86_64", "tflite-runtime 2.14.0 x86_64"), "2.14.0")


def test_a_newer_oldest_runtime_leaves_the_old_one_out():
    assert installed_runtimes("2.17.0") == ("litert",)


def test_the_old_runtime_can_live_in_another_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(loadable.PYTHON, "no-such-python")
    assert "tflite-runtime" in installed_runtimes()
    with pytest.raises(MissingError, match=r"EDGE_TFLITE_RUNTIME_PYTHON: no program no-such-python"):
        run(b"", np.zeros((1, 8, 8, 3), np.uint8), "tflite-runtime", Progress())


@pytest.mark.parametrize("text", ["new", "2", "2.14.0rc1", ""])
def test_a_version_that_is_none_is_refused(text: str, tmp_path):
    with pytest.raises(ConfigError, match=r"--min-runtime .*: expected a version such as 2\.14\.0"):
        Settings(min_runtime=text).check(tmp_path / "out.tflite")
