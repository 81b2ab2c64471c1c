"""Real small disks: ext4 in a file, on a loop device, whose power can be cut and whose writes are counted."""

from __future__ import annotations

import errno
import fcntl
import itertools
import os
import struct
import subprocess
import time
from pathlib import Path

_SHUTDOWN = 0x8004587D
"""EXT4_IOC_SHUTDOWN; the same number on XFS."""
_NOLOGFLUSH = struct.pack("I", 2)
"""EXT4_GOING_FLAGS_NOLOGFLUSH: what is not on the disk yet never gets there, the journal neither."""
_SECTOR = 512
FREE_S = 120.0


class Disk:
    """A new file system, mounted at ``.root``. Raises OSError where this cannot be done (root, loop devices)."""

    def __init__(self, folder: Path, megabytes: int = 64, inodes: int | None = None, options: str = "") -> None:
        self.image, self.root = folder / "1.img", folder / "disk"
        self._options = options
        self._in_use = False
        self.root.mkdir(parents=True)
        with self.image.open("wb") as file:
            file.truncate(megabytes << 20)
        # Initialized at once: the kernel would otherwise write its tables in the background, into our figures.
        extended = ["-E", "lazy_itable_init=0,lazy_journal_init=0", *(["-N", str(inodes)] if inodes else [])]
        run("mkfs.ext4", "-q", "-F", *extended, str(self.image))
        self.mount()

    def mount(self) -> None:
        """Replays the journal, as after a power cut."""
        if not self._in_use:
            self._wait_until_free()
        run("mount", "-o", ",".join(filter(None, ("loop", self._options))), str(self.image), str(self.root))

    def _wait_until_free(self) -> None:
        """A mount namespace that another test made meanwhile keeps the old, dead file system, until it ends."""
        until = time.monotonic() + FREE_S
        while run("losetup", "--associated", str(self.image)):
            if time.monotonic() > until:
                raise OSError(f"{self.image}: still mounted somewhere after {FREE_S:.0f} s")
            time.sleep(0.02)

    def cut_power(self) -> None:
        """From now on nothing reaches the disk, and every use of it fails."""
        handle = os.open(self.root, os.O_RDONLY)
        try:
            fcntl.ioctl(handle, _SHUTDOWN, _NOLOGFLUSH)
        finally:
            os.close(handle)

    def move_on(self) -> None:
        """After a cut: what is on the disk, in another image; nobody is waited for who still holds the dead one."""
        self.unmount(lazy=True)
        dead, self.image = self.image, self.image.with_name(f"{int(self.image.stem) + 1}.img")
        run("cp", "--sparse=always", str(dead), str(self.image))
        dead.unlink()
        self._in_use = False
        self.mount()

    def trigger_error(self) -> None:
        """The kernel finds the file system damaged, and does with it what its ``errors=`` option says."""
        device = Path(run("findmnt", "-n", "-o", "SOURCE", str(self.root)).strip()).name
        (Path("/sys/fs/ext4") / device / "trigger_fs_error").write_text("1")

    def repair(self) -> None:
        """As at the start of a system, while it is not mounted."""
        subprocess.run(["e2fsck", "-f", "-y", str(self.image)], capture_output=True, check=False)

    def unmount(self, *, lazy: bool = False) -> None:
        run("umount", *(["-l"] if lazy else []), str(self.root))
        self._in_use = lazy

    def remount(self, options: str) -> None:
        run("mount", "-o", f"remount,{options}", str(self.root))

    def close(self) -> None:
        """Unmounts, if it is mounted, and removes the image."""
        subprocess.run(["umount", "-l", str(self.root)], capture_output=True, check=False)
        self.image.unlink(missing_ok=True)


def fill_up(disk: Disk) -> Path:
    """A file that leaves no byte free."""
    filler = disk.root / "filler"
    with filler.open("ab", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError as error:
                assert error.errno == errno.ENOSPC
    return filler


def use_up_inodes(disk: Disk) -> list[Path]:
    """Files until no more can be made."""
    files = []
    for number in itertools.count():
        try:
            (disk.root / f"inode{number}").touch()
        except OSError as error:
            assert error.errno == errno.ENOSPC
            return files
        files.append(disk.root / f"inode{number}")
    raise AssertionError("unreachable")


def device_bytes(root: Path) -> int:
    """Bytes written to the block device that is mounted at ``root``, since it was set up."""
    device = run("findmnt", "-n", "-o", "SOURCE", str(root)).strip()
    return int((Path("/sys/block") / Path(device).name / "stat").read_text().split()[6]) * _SECTOR


def run(*command: str) -> str:
    """Standard output. Raises OSError with what the program says."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout
