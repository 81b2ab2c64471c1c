"""TensorFlow without its noise: imported late, its log kept in a file that only a failure leaves behind."""

from __future__ import annotations

import importlib
import os
import tempfile
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from edge.core.package import install_hint
from edge.core.quiet import stderr_to
from edge.errors import ConversionError, EdgeError, MissingError


@cache
def tensorflow() -> Any:
    """The ``tensorflow`` module, with Keras 3 on top of it. Raises MissingError when either is not installed."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    with quietly("TensorFlow cannot be imported"):
        try:
            module = importlib.import_module("tensorflow")
            importlib.import_module("keras")
            importlib.import_module("absl.logging").set_verbosity("error")
        except ModuleNotFoundError as error:
            raise MissingError(f"{error.name} is not installed; {install_hint('converter')}") from None
    return module


@contextmanager
def quietly(failure: str) -> Iterator[None]:
    """Sends file descriptor 2 (C++ logs, Python warnings) into a log file while the body runs.

    An exception of the body that is not ours becomes a ConversionError of one line, ``failure`` and the reason;
    then the log stays on disk with the traceback in it, and the message names it.
    """
    descriptor, name = tempfile.mkstemp(prefix="edge-convert-", suffix=".log")
    log = Path(name)
    try:
        with stderr_to(descriptor), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except Exception as error:
        if isinstance(error, EdgeError):
            log.unlink()
            raise
        with log.open("a") as stream:
            traceback.print_exc(file=stream)
        raise ConversionError(f"{failure}: {reason(error)}; the whole log is in {log}") from None
    except BaseException:
        log.unlink()
        raise
    log.unlink()


def reason(error: BaseException) -> str:
    """The first line of an exception's message that says something, shortened to 200 characters."""
    lines = [line.strip() for line in str(error).splitlines() if any(char.isalnum() for char in line)]
    line = lines[0] if lines else type(error).__name__
    return line if len(line) <= 200 else line[:197] + "..."
