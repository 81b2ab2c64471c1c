"""The artifact's files and manifest, and a file that is either written whole or not at all."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from converter.flatbuffer.embed import embed
from converter.flatbuffer.metadata import NAME, ModelDescription, model_metadata
from edge.core.atomic import sync_folder
from edge.errors import ConversionError
from edge.inference.artifact.artifact import LABELS, MANIFEST
from edge.inference.artifact.container import append_files
from edge.inference.artifact.manifest import Manifest
from edge.trust.keys import PrivateKey
from edge.trust.signing import signed


def with_metadata(model: bytes, manifest: Manifest, text: str) -> bytes:
    """The flatbuffer with TFLite Metadata of what the manifest says."""
    description = ModelDescription(manifest.model, manifest.version, text)
    return embed(model, NAME, model_metadata(description, manifest.input, LABELS))


def build(model: bytes, manifest: Manifest, files: Mapping[str, bytes], key: PrivateKey | None = None) -> bytes:
    """The whole artifact; the manifest's digests are filled in, and it is signed where there is a key."""
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    complete = replace(manifest, flatbuffer_sha256=hashlib.sha256(model).hexdigest(), files=digests)
    artifact = append_files(model, {**files, MANIFEST: complete.to_json()})
    return artifact if key is None else signed(artifact, key)


def labels_file(labels: tuple[str, ...]) -> bytes:
    """One label a line, UTF-8."""
    return "".join(f"{label}\n" for label in labels).encode()


def write(out: Path, data: bytes, check: Callable[[Path], None], beside: Mapping[Path, bytes] | None = None) -> None:
    """Writes where ``out`` will be, runs ``check`` on that file, and only then names it so; ``beside`` likewise.

    Raises ConversionError when anything cannot be written, and whatever ``check`` raises; all is then as it was. The
    files have no name before, where the file system can do that: a process that is killed leaves nothing.
    """
    with ExitStack() as stack:
        readable = out
        try:
            contents = {**(beside or {}), out: data}
            written = {path: stack.enter_context(_written(path, content)) for path, content in contents.items()}
            readable = written[out].readable
            check(readable)
            for path, temporary in written.items():
                temporary.become(path)
            sync_folder(out.parent)
        except ConversionError as error:
            raise ConversionError(str(error).replace(str(readable), str(out))) from None
        except OSError as error:
            raise ConversionError(f"{out}: cannot be written ({error.strerror}); nothing was kept") from None


@dataclass(frozen=True)
class _Temporary:
    """A file without a name, or with another than it will have."""

    descriptor: int
    name: Path | None

    @property
    def readable(self) -> Path:
        return self.name or Path(f"/proc/{os.getpid()}/fd/{self.descriptor}")

    def become(self, path: Path) -> None:
        """Gives it its name, in place of a file that has it."""
        source = self.name
        if source is None:
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                source = path if self._link(folder, path.name) else path.with_name(f".{path.name}.{os.getpid()}")
                if source != path:
                    self._link(folder, source.name)
            finally:
                os.close(folder)
        source.replace(path)

    def _link(self, folder: int, name: str) -> bool:
        """Whether the name was free."""
        try:
            # The folder's descriptor makes Python call linkat, which follows the link in /proc; link would not.
            os.link(f"/proc/self/fd/{self.descriptor}", name, dst_dir_fd=folder)
        except FileExistsError:
            return False
        return True


@contextmanager
def _written(path: Path, content: bytes) -> Iterator[_Temporary]:
    temporary = _open(path)
    try:
        with os.fdopen(temporary.descriptor, "wb", closefd=False) as stream:
            stream.write(content)
        os.fsync(temporary.descriptor)
        yield temporary
    finally:
        os.close(temporary.descriptor)
        if temporary.name is not None:
            temporary.name.unlink(missing_ok=True)


def _open(path: Path) -> _Temporary:
    try:
        return _Temporary(os.open(path.parent, os.O_TMPFILE | os.O_RDWR, 0o666), None)
    except (AttributeError, OSError):  # not on Linux; or the file system cannot, or the folder is not there
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        os.fchmod(descriptor, 0o666 & ~_umask())
        return _Temporary(descriptor, Path(name))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
