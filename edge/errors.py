"""The exception tree.

Each class also inherits the builtin that a caller would expect, and carries the exit status that the
``edge`` command ends with::

    EdgeError                      1   anything below; also a check that found something wrong
    ├── ConfigError (ValueError)   3   the configuration file or an option
    ├── ArtifactError (ValueError) 4   a model that is missing, broken or unfit for this device
    ├── SourceError (OSError)      5   a camera, video, folder or image that cannot be read
    ├── StateError (OSError)       6   the state folder or the buffer in it
    ├── LinkError (OSError)        7   the broker
    ├── ConversionError (ValueError) 8 a model or data set that cannot be converted
    ├── GateError (OSError)        9   the reject gate
    ├── MissingError (ImportError) 10  an optional package or program that is not installed
    ├── FlashError (OSError)       11  a target that an artifact could not be brought to, or that did not keep it
    └── MessageError (ValueError)  1   a message that is not what its topic promises; a monitor sets it aside

Status 2 is argparse's (a wrong command line), 130 is Ctrl-C.
"""

from typing import ClassVar


class EdgeError(Exception):
    """Base of all errors of the SDK. The message is one line: the thing, what was expected, the way out."""

    exit_status: ClassVar[int] = 1

    def __str__(self) -> str:
        # OSError and ImportError would otherwise format their own fields.
        return " ".join(str(part) for part in self.args)


class ConfigError(EdgeError, ValueError):
    exit_status = 3


class ArtifactError(EdgeError, ValueError):
    exit_status = 4


class SourceError(EdgeError, OSError):
    exit_status = 5


class StateError(EdgeError, OSError):
    exit_status = 6


class LinkError(EdgeError, OSError):
    exit_status = 7


class ConversionError(EdgeError, ValueError):
    exit_status = 8


class GateError(EdgeError, OSError):
    exit_status = 9


class MissingError(EdgeError, ImportError):
    exit_status = 10


class FlashError(EdgeError, OSError):
    exit_status = 11


class MessageError(EdgeError, ValueError):
    exit_status = 1
