"""The device needs no workstation packages."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import edge

OPTIONAL = {"edge.monitor.table", "edge.monitor.watch", "edge.inference.frames.picamera", "edge.fleet.progress.live"}
"""These may import what an extra brings."""

PROGRAM = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
extras = {"tensorflow", "keras", "scipy", "pandas", "rich", "cryptography"}
print(sorted({name.split(".")[0] for name in sys.modules} & extras))
"""


def test_every_module_imports_without_tensorflow_scipy_pandas_and_the_monitors_extra() -> None:
    names = [module.name for module in pkgutil.walk_packages(edge.__path__, "edge.") if module.name not in OPTIONAL]
    assert len(names) > 80
    done = subprocess.run([sys.executable, "-c", PROGRAM, *names], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_every_public_name_leads_somewhere() -> None:
    for name in edge.__all__:
        assert getattr(edge, name) is not None
    assert set(edge.__all__) == set(edge._HOMES)
