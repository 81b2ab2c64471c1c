"""The artifact's files and manifest, and a file that is either written whole or not at all."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from converter.embed import embed
from converter.metadata import NAME, Description, model_metadata
from edge.artifact.artifact import LABELS, MANIFEST
from edge.artifact.container import append_files
from edge.artifact.manifest import Manifest
from edge.errors import ConversionError


def with_metadata(model: bytes, manifest: Manifest, text: str) -> bytes:
    """The flatbuffer with TFLite Metadata of what the manifest says."""
    description = Description(manifest.model, manifest.version, text)
    return embed(model, NAME, model_metadata(description, manifest.input, LABELS))


def build(model: bytes, manifest: Manifest, files: Mapping[str, bytes]) -> bytes:
    """The whole artifact; the manifest's digests are filled in."""
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    complete = replace(manifest, flatbuffer_sha256=hashlib.sha256(model).hexdigest(), files=digests)
    return append_files(model, {**files, MANIFEST: complete.to_json()})


def labels_file(labels: tuple[str, ...]) -> bytes:
    """One label a line, UTF-8."""
    return "".join(f"{label}\n" for label in labels).encode()


def write(out: Path, data: bytes, check: Callable[[Path], None], beside: Mapping[Path, bytes] | None = None) -> None:
    """Writes beside ``out``, runs ``check`` on that file, and only then gives it its name; ``beside`` likewise.

    Raises ConversionError when anything cannot be written, and whatever ``check`` raises; all is then as it was.
    """
    temporaries: dict[Path, Path] = {}
    try:
        for path, content in {**(beside or {}), out: data}.items():
            _write_temporary(path, content, temporaries)
        check(temporaries[out])
        for path, temporary in temporaries.items():
            temporary.replace(path)
        _sync_folder(out.parent)
    except ConversionError as error:
        raise ConversionError(str(error).replace(str(temporaries.get(out)), str(out))) from None
    except OSError as error:
        raise ConversionError(f"{out}: cannot be written ({error.strerror}); nothing was kept") from None
    finally:
        for temporary in temporaries.values():
            temporary.unlink(missing_ok=True)


def _write_temporary(path: Path, content: bytes, temporaries: dict[Path, Path]) -> None:
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as stream:
        temporaries[path] = Path(stream.name)
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    temporaries[path].chmod(0o666 & ~_umask())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
