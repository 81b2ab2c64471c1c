from __future__ import annotations

import sys
from pathlib import Path

import pytest

from edge.errors import FlashError
from edge.fleet.sdcard.rootfs import RootFs


@pytest.fixture
def root(tmp_path: Path) -> RootFs:
    (tmp_path / "card" / "var" / "lib").mkdir(parents=True)
    (tmp_path / "card" / "etc").mkdir()
    return RootFs(tmp_path / "card")


def test_an_absolute_link_leads_to_the_card(root: RootFs) -> None:
    (root.path / "var" / "lib" / "edge").symlink_to("/data/edge")
    (root.path / "data").symlink_to("mnt/../persistent")
    assert root.inside("/var/lib/edge/slots") == root.path / "persistent" / "edge" / "slots"


def test_no_path_leads_out_of_the_card(root: RootFs, tmp_path: Path) -> None:
    (root.path / "var" / "up").symlink_to("../../../../..")
    (tmp_path / "secret").write_text("")
    for path in ("/../secret", "/var/up/secret", "../secret", "/var/../../secret"):
        assert root.inside(path) == root.path / "secret"


def test_links_in_a_circle_are_said(root: RootFs) -> None:
    (root.path / "a").symlink_to("b")
    (root.path / "b").symlink_to("/a")
    with pytest.raises(FlashError, match="circle"):
        root.inside("/a/b")


def test_the_owner_is_that_systems_user_not_this_ones(root: RootFs) -> None:
    assert root.owner("edge") is None
    (root.path / "etc" / "passwd").write_text("root:x:0:0::/root:/bin/sh\nedge:x:990:991::/var/lib/edge:/bin/false\n")
    assert root.owner("edge") == (990, 991)
    assert root.owner("pi") is None


def test_the_machine_is_read_from_its_programs(root: RootFs) -> None:
    assert root.machine() == ""
    program = root.path / "usr" / "bin" / "env"
    program.parent.mkdir(parents=True)
    program.symlink_to("/usr/bin/real")
    real = root.path / "usr" / "bin" / "real"
    head = bytearray(Path(sys.executable).resolve().read_bytes()[:64])
    for number, name in ((0xB7, "aarch64"), (0x3E, "x86_64"), (0x28, "")):
        head[18:20] = number.to_bytes(2, "little")
        real.write_bytes(head)
        assert root.machine() == name
    real.write_bytes(b"#!/bin/sh")
    assert root.machine() == ""


def test_a_partition_that_is_mounted_at_the_boot_only_is_found_out(root: RootFs) -> None:
    state = root.path / "var" / "lib" / "edge"
    assert root.mounted_later(state) == ""
    (root.path / "etc" / "fstab").write_text("# swap\nLABEL=root / ext4 defaults 0 1\nLABEL=s /var/lib/edge ext4\n")
    assert root.mounted_later(state) == "/var/lib/edge"
    assert root.mounted_later(root.path / "var" / "lib" / "other") == ""
    (root.path / "etc" / "fstab").unlink()
    unit = root.path / "etc" / "systemd" / "system" / "data.mount"
    unit.parent.mkdir(parents=True)
    unit.write_text("[Mount]\nWhat=/dev/mmcblk0p3\nWhere=/data\n")
    assert root.mounted_later(root.path / "data" / "edge") == "/data"
