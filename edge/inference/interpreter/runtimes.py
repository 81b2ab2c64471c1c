"""Which TFLite runtime there is: ai-edge-litert or its predecessor tflite-runtime, with the same Interpreter API.

tflite-runtime 2.14 imports beside numpy 2 but cannot construct an Interpreter (SystemError), so a runtime counts
as usable only when a construction fails for the right reason.
"""

from __future__ import annotations

import importlib
import importlib.metadata
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, get_args

from edge.core.choices import RuntimeChoice, RuntimeName
from edge.core.structs import nearest
from edge.errors import ConfigError, MissingError

_MODULES: dict[RuntimeName, tuple[str, str]] = {
    "litert": ("ai_edge_litert.interpreter", "ai-edge-litert"),
    "tflite-runtime": ("tflite_runtime.interpreter", "tflite-runtime"),
}


@dataclass(frozen=True, slots=True)
class Runtime:
    name: RuntimeName
    version: str
    interpreter: Any
    """The runtime's own ``Interpreter`` class."""
    load_delegate: Any
    """The runtime's own function of this name."""
    without_xnnpack: Any
    """Value that its ``experimental_op_resolver_type`` takes for that."""


def find_runtime(choice: RuntimeChoice = "auto") -> Runtime:
    """The runtime asked for; ``auto`` takes the first usable of litert, tflite-runtime.

    Raises MissingError when it is not installed or does not work, ConfigError for an unknown name.
    """
    if choice not in get_args(RuntimeChoice):
        raise ConfigError(f"runtime {choice!r}: {nearest(choice, list(get_args(RuntimeChoice)))}")
    problems = []
    for name in _MODULES if choice == "auto" else (choice,):
        runtime, problem = _try(name)
        if runtime is not None:
            return runtime
        problems.append(f"{name}: {problem}")
    raise MissingError(f"no usable TFLite runtime ({'; '.join(problems)}); pip install ai-edge-litert")


def usable_runtimes() -> list[Runtime]:
    """Every runtime that works here, the preferred one first."""
    return [runtime for name in _MODULES if (runtime := _try(name)[0]) is not None]


@lru_cache
def _try(name: RuntimeName) -> tuple[Runtime | None, str]:
    module_name, package = _MODULES[name]
    try:
        module = _import(module_name)
    except ImportError as error:
        return None, f"not installed ({error})"
    try:
        module.Interpreter(model_content=b"")
    except ValueError:
        return _runtime(name, package, module), ""
    except Exception as error:  # a broken pairing with numpy raises whatever it likes
        return None, f"installed but broken with this numpy ({type(error).__name__})"
    return None, "accepted an empty model"


def _import(module: str) -> Any:
    """Raises ImportError.

    tflite-runtime's aarch64 library is linked with GCC's start-up code for ``-ffast-math``: the thread that loads it
    rounds subnormal floats to 0 from then on, and so does each thread that this one starts. So a thread loads it that
    ends at once.
    """
    with ThreadPoolExecutor(1) as aside:
        return aside.submit(importlib.import_module, module).result()


def _runtime(name: RuntimeName, package: str, module: Any) -> Runtime:
    return Runtime(
        name,
        importlib.metadata.version(package),
        module.Interpreter,
        module.load_delegate,
        module.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
