"""Set-up of an interpreter: runtime, threads, XNNPACK, delegate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from edge.core.choices import RuntimeChoice
from edge.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Delegate:
    """A shared library with TFLite's external delegate interface, and its options in the library's own words."""

    library: str
    """A path, or a plain name such as ``libedgetpu.so.1`` that the system's loader finds."""
    options: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> Delegate:
        """From ``PATH[?key=value&...]``. Raises ConfigError."""
        library, _, query = text.partition("?")
        try:
            pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
        except ValueError:
            raise ConfigError(f"delegate {text!r}: expected PATH?key=value&key=value") from None
        if len(dict(pairs)) < len(pairs):
            raise ConfigError(f"delegate {text!r}: an option is given twice; leave one of them out")
        return cls.build(library, dict(pairs))

    @classmethod
    def build(cls, library: str, options: Mapping[str, object]) -> Delegate:
        """From a path and a table as TOML has it; truth values become ``true`` and ``false``. Raises ConfigError."""
        if not library:
            raise ConfigError("delegate: expected the path of a library, such as libedgetpu.so.1")
        return cls(library, tuple((key, _text(key, value)) for key, value in options.items()))

    def __str__(self) -> str:
        query = "&".join(f"{key}={value}" for key, value in self.options)
        return f"{self.library}?{query}" if query else self.library


@dataclass(frozen=True, slots=True)
class Setup:
    """Everything that an interpreter needs to know besides the model."""

    runtime: RuntimeChoice = "auto"
    threads: int = 1
    xnnpack: bool = True
    """TFLite's own delegate for processors. Without it the runtime's builtin kernels do the work."""
    delegate: Delegate | None = None

    @property
    def how(self) -> str:
        """All but the runtime, in words."""
        threads = f"{self.threads} thread{'s' if self.threads > 1 else ''}"
        xnnpack = "with XNNPACK" if self.xnnpack else "without XNNPACK"
        return ", ".join([threads, xnnpack, *([str(self.delegate)] if self.delegate else [])])

    def __str__(self) -> str:
        return f"{self.runtime}, {self.how}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Wishes for a set-up; None (and ``auto``) leave the choice to a tuning file, else to the default."""

    runtime: RuntimeChoice = "auto"
    threads: int | None = None
    xnnpack: bool | None = None
    delegate: Delegate | None = None

    @property
    def default(self) -> Setup:
        """Where nothing was measured: the first runtime that works, one thread, XNNPACK."""
        return Setup(self.runtime, self.threads or 1, self.xnnpack is not False, self.delegate)

    def allows(self, setup: Setup) -> bool:
        """Whether ``setup`` contradicts nothing that was asked for."""
        return (
            self.runtime in ("auto", setup.runtime)
            and self.threads in (None, setup.threads)
            and self.xnnpack in (None, setup.xnnpack)
            and self.delegate in (None, setup.delegate)
        )


def _text(key: str, value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    raise ConfigError(f"delegate option {key!r}: expected a string, a number or a truth value, got {value!r}")
