"""Disks that can be cut off, filled up and torn out, where this machine allows it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.disks import Disk


@pytest.fixture
def make_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Disk]]:
    """``make_disk(megabytes=8)``: ext4 on a loop device. Needs root; the replayed power cuts need nothing."""
    disks: list[Disk] = []

    def make(**options: Any) -> Disk:
        try:
            disks.append(Disk(tmp_path_factory.mktemp("disk"), **options))
        except OSError as error:
            if os.environ.get("CI") and os.geteuid() == 0:
                pytest.fail(f"{error}; nothing is skipped under CI")
            pytest.skip(f"no disk of one's own without root and loop devices ({error})")
        return disks[-1]

    yield make
    for disk in disks:
        disk.close()
