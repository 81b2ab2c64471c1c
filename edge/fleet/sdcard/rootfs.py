"""A root folder that is not this machine's: a mounted SD card. Nothing outside of it is ever touched."""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from edge.errors import FlashError

_MAX_LINKS = 40
"""Largest number of links followed, the kernel's own limit (ELOOP)."""
_MACHINES = {0x3E: "x86_64", 0xB7: "aarch64"}
"""ELF e_machine. A 32-bit system is left open: its kernel may be of 64 bits, which is what a device goes by."""
_PROGRAMS = ("usr/bin/env", "bin/sh", "sbin/init")


class RootFs:
    def __init__(self, path: Path) -> None:
        self.path = path.resolve()

    def inside(self, path: PurePosixPath | Path | str) -> Path:
        """Where ``path``, as the device has it, is here: absolute links lead to the card, and ``..`` never out of it,
        as with the kernel's RESOLVE_IN_ROOT. Raises FlashError for links that lead in a circle.
        """
        left = [part for part in reversed(PurePosixPath(path).parts) if part != "/"]
        at, links = self.path, 0
        while left:
            part = left.pop()
            if part == "..":
                at = at.parent if at != self.path else at
                continue
            step = at / part
            if not step.is_symlink():
                at = step
                continue
            links += 1
            if links > _MAX_LINKS:
                raise FlashError(f"{path}: links lead in a circle on {self.path}")
            goal = PurePosixPath(step.readlink())
            at = self.path if goal.is_absolute() else at
            left.extend(part for part in reversed(goal.parts) if part != "/")
        return at

    def shown(self, path: Path) -> str:
        """Path as the device will call it."""
        return f"/{path.relative_to(self.path)}"

    def machine(self) -> str:
        """Machine that its programs are made for, as ``platform.machine()`` would say it; empty when that is not
        clear."""
        for name in _PROGRAMS:
            try:
                with self.inside(name).open("rb") as file:
                    head = file.read(20)
            except OSError:
                continue
            if head[:4] == b"\x7fELF" and head[5:6] == b"\x01":
                return _MACHINES.get(struct.unpack("<H", head[18:20])[0], "")
        return ""

    def mounted_later(self, path: Path) -> str:
        """The mount point above ``path``, or itself, that this system fills at its boot and that is empty here; else
        nothing. What is written below it now would never be seen again.
        """
        for point in self._mount_points():
            here = self.inside(point)
            if here != self.path and path.is_relative_to(here) and not here.is_mount():
                return point
        return ""

    def _mount_points(self) -> Iterator[str]:
        for line in self._lines("etc/fstab"):
            fields = line.split()
            if len(fields) > 1 and fields[1].startswith("/"):
                yield fields[1]
        for folder in ("etc", "usr/lib", "lib"):
            for unit in self.inside(f"{folder}/systemd/system").glob("*.mount"):
                found = (re.match(r"Where=(/.*)", line) for line in self._lines(self.shown(unit)))
                yield from (match[1].strip() for match in found if match)

    def _lines(self, name: str) -> list[str]:
        """None for a file that is not there."""
        try:
            return self.inside(name).read_text("utf-8", "replace").splitlines()
        except OSError:
            return []

    def owner(self, name: str) -> tuple[int, int] | None:
        """User and group id of a user of that system."""
        fields = (line.split(":") for line in self._lines("etc/passwd"))
        return next(((int(field[2]), int(field[3])) for field in fields if field[0] == name), None)


def give(path: Path, owner: tuple[int, int]) -> None:
    """``path`` and all below it; links are not followed. Raises OSError."""
    os.chown(path, *owner, follow_symlinks=False)
    for folder, folders, files in os.walk(path):
        for name in (*folders, *files):
            os.chown(Path(folder, name), *owner, follow_symlinks=False)
