"""Two ways to read a Keras 2 file.

``translated`` writes the file's description of its layers as Keras 3 wants it, and Keras 3 does the rest. Four things
differ: DepthwiseConv2D states ``groups``, always 1; tf_keras names its own modules; models inside a model count their
calls from one instead of zero; a single input or output is a list. Enough for plain networks, Teachable Machine's
among them.

``through_keras_2`` has tf_keras itself read the file, in a process of its own, because TensorFlow and Keras 3 do not
take well to a second Keras beside them. What comes back is a SavedModel. Run as a program this is that process::

    python -m converter.loading.keras2 FILE FOLDER
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from converter.quiet import reason, tensorflow
from edge.errors import ConversionError

_FORMAT_KEYS = ("module", "registered_name", "build_config")
_GRAPHS = ("Functional", "Model")


def translated(path: Path, config: Any) -> Any:
    """The ``keras.Model`` of an ``.h5`` file with this ``config``; raises whatever Keras 3 does not like."""
    import h5py
    import keras

    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "model.h5"
        shutil.copyfile(path, copy)
        with h5py.File(copy, "r+") as file:
            file.attrs["model_config"] = json.dumps(translate(config))
        return keras.models.load_model(copy, compile=False)


def translate(config: Any) -> Any:
    """Keras 2's ``model_config`` as Keras 3 reads it."""
    if isinstance(config, list):
        return [translate(item) for item in config]
    if not isinstance(config, dict):
        return config
    layer = {key: translate(value) for key, value in config.items()}
    if "class_name" in layer:
        for key in _FORMAT_KEYS:
            layer.pop(key, None)
    if layer.get("class_name") == "DepthwiseConv2D" and layer["config"].get("groups") == 1:
        del layer["config"]["groups"]
    if layer.get("class_name") in _GRAPHS and "layers" in layer["config"]:
        _translate_graph(layer["config"])
    return layer


def _translate_graph(graph: dict[str, Any]) -> None:
    inner = {layer["name"] for layer in graph["layers"] if layer["class_name"] in (*_GRAPHS, "Sequential")}
    for layer in graph["layers"]:
        layer["inbound_nodes"] = [
            [[name, call - (name in inner), *rest] for name, call, *rest in node] for node in layer["inbound_nodes"]
        ]
    for key in ("input_layers", "output_layers"):
        if len(graph[key]) == 1:
            graph[key] = graph[key][0]


def through_keras_2(path: Path) -> Any:
    """A loaded SavedModel with a ``serving_default`` signature. Raises ConversionError."""
    tf = tensorflow()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "converter.loading.keras2", str(path), folder]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        if done.returncode:
            lines = done.stdout.strip().splitlines() or [f"status {done.returncode}"]
            raise ConversionError(f"{path} can be loaded neither by Keras 3 nor by Keras 2 ({lines[-1]})")
        return tf.saved_model.load(folder)


def main(path: Path, folder: Path) -> int:
    """The child: a line on standard output and status 1 when it cannot be done."""
    try:
        import tf_keras

        model = tf_keras.models.load_model(path, compile=False)
        model.save(folder, save_format="tf", include_optimizer=False)
    except Exception as error:
        sys.stdout.write(f"{reason(error)}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
