"""The samples on disk: a picture and a line of JSON each, in one folder per stratum, all together below a cap."""

from __future__ import annotations

import contextlib
import logging
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import cv2

from edge.device.audit.sample import STRATA, AuditedPart
from edge.drift.watch.performance import RANDOM
from edge.errors import ConfigError, StateError
from edge.inference.frames.frame import Image

log = logging.getLogger(__name__)

NAME = "audit"
"""In the state folder."""
BLOCK = 4096
"""Files are counted in blocks, as the disk does."""
REQUESTED_MOST = 10_000
_PNG = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
"""Camera noise holds no repetitions that were worth the search: this is smaller and takes half the time."""
_COMPLAIN_S = 60.0
_Kept = tuple[Path, int]


class AuditFolder:
    """One thread keeps; :meth:`request` may be called by any. What is in it survives a restart.

    Nothing is synced to the disk by force: a power cut costs the last samples, which the next start tidies away.
    """

    def __init__(self, folder: Path, cap_bytes: int) -> None:
        self.folder = folder
        self.lost = 0
        """Samples that the disk refused, or for which there was no room."""
        self._cap, self._used = cap_bytes, 0
        self._random: deque[_Kept] = deque()
        self._others: deque[_Kept] = deque()
        self._scanned = False
        self._wanted: deque[str] = deque(maxlen=REQUESTED_MOST)
        self._complained = float("-inf")

    def request(self, count: int, request: str = "") -> None:
        """The next ``count`` parts are kept as ``requested``, whoever ``request`` is. Raises ConfigError."""
        if not 0 < count <= REQUESTED_MOST:
            raise ConfigError(f"count: expected 1 to {REQUESTED_MOST} samples, got {count}")
        self._wanted.extend([request] * count)

    def take_request(self) -> str | None:
        """Name of whoever requested the part at hand, or None."""
        return self._wanted.popleft() if self._wanted else None

    def keep(self, sample: AuditedPart, picture: Image | None) -> bytes | None:
        """Writes it, with the picture (h×w×3 uint8 BGR) as PNG, which it returns; None when it was not kept.

        The oldest samples make room: first those that are not random, for random ones only another random one.
        """
        image = b"" if picture is None else cv2.imencode(".png", picture, _PNG)[1].tobytes()
        note = sample.to_json()
        base = self.folder / sample.stratum / sample.id
        size = _blocks(len(note)) + _blocks(len(image))
        try:
            self._scan()
            if not self._make_room(size, sample.stratum == RANDOM):
                self.lost += 1
                return None
            self._write(base, image, note)
        except OSError as error:
            self.lost += 1
            self._complain(error)
            return None
        (self._random if sample.stratum == RANDOM else self._others).append((base, size))
        self._used += size
        return image

    def _write(self, base: Path, image: bytes, note: bytes) -> None:
        """The note last: what has none is no sample."""
        base.parent.mkdir(parents=True, exist_ok=True)
        try:
            if image:
                _write_whole(_picture(base), image)
            _write_whole(_note(base), note)
        except OSError:
            with contextlib.suppress(OSError):
                _remove(base)
            raise

    def _make_room(self, size: int, random: bool) -> bool:
        if size > self._cap:
            return False
        while self._used + size > self._cap:
            queue = self._others or (self._random if random else None)
            if not queue:
                return False
            base, freed = queue[0]
            _remove(base)
            queue.popleft()
            self._used -= freed
        return True

    def _scan(self) -> None:
        """Once: what earlier runs kept, oldest first; what they left half done goes."""
        if self._scanned:
            return
        found = []
        for stratum in STRATA:
            for note in _tidied(self.folder / stratum):
                base = note.with_suffix("")
                size = sum(_blocks(file.stat().st_size) for file in (note, _picture(base)) if file.exists())
                found.append((note.stat().st_mtime_ns, base, size))
        for _, base, size in sorted(found):
            (self._random if base.parent.name == RANDOM else self._others).append((base, size))
        self._used = sum(size for _, _, size in found)
        self._scanned = True

    def _complain(self, error: OSError) -> None:
        if time.monotonic() - self._complained >= _COMPLAIN_S:
            self._complained = time.monotonic()
            log.warning("%s: an audit sample was not written (%s)", self.folder, error.strerror)


def read_samples(folder: Path) -> list[AuditedPart]:
    """All that are kept, in the order of capture; a daemon may be at work there. Raises StateError."""
    found = []
    try:
        for stratum in STRATA:
            for note in sorted((folder / stratum).glob("*.json")):
                found += list(_read(note))
    except OSError as error:
        raise StateError(f"{folder}: cannot be read ({error.strerror}); read it as the daemon's user") from None
    return sorted(found, key=lambda sample: (sample.wall_ns, sample.id))


def picture_of(folder: Path, sample: AuditedPart) -> Path | None:
    """None where there was none, or not any more."""
    path = _picture(folder / sample.stratum / sample.id)
    try:
        return path if path.stat().st_size else None
    except OSError:
        return None


def _read(note: Path) -> Iterator[AuditedPart]:
    """Nothing where it has gone meanwhile, or is damaged."""
    with contextlib.suppress(FileNotFoundError, ConfigError):
        sample = AuditedPart.from_json(note.read_bytes())
        if (sample.stratum, sample.id) == (note.parent.name, note.stem):
            yield sample


def _tidied(folder: Path) -> Iterator[Path]:
    """The notes in it. Removes what a power cut left: drafts, empty files, pictures without a note."""
    for file in list(folder.glob("*")):
        draft, ours = file.name.endswith(".partial"), file.suffix in (".json", ".png")
        alone = file.suffix == ".png" and not file.with_suffix(".json").exists()
        if draft or (ours and (alone or not file.stat().st_size)):
            file.unlink()
    yield from folder.glob("*.json")


def _note(base: Path) -> Path:
    return base.with_name(base.name + ".json")


def _picture(base: Path) -> Path:
    return base.with_name(base.name + ".png")


def _remove(base: Path) -> None:
    _note(base).unlink(missing_ok=True)
    _picture(base).unlink(missing_ok=True)


def _write_whole(path: Path, data: bytes) -> None:
    draft = path.with_name(f".{path.name}.partial")
    try:
        draft.write_bytes(data)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _blocks(size: int) -> int:
    return -(-size // BLOCK) * BLOCK
