"""Every board's firmware builds; what no emulator runs is checked as far as it can be."""

from __future__ import annotations

import struct
import subprocess

import pytest

from edge.gates.controller.boards import BOARDS
from tests.firmware_stubs.building import build


@pytest.mark.parametrize("board", BOARDS)
def test_it_builds_without_a_c_library_and_leaves_room_for_the_stack(board: str) -> None:
    firmware = build(board, "arm-none-eabi-gcc") / f"{board}.elf"
    names = subprocess.run(["arm-none-eabi-nm", firmware], capture_output=True, text=True, check=True).stdout
    assert " U " not in names
    assert not {"malloc", "free", "_sbrk"} & {line.split()[-1] for line in names.splitlines()}


def test_the_picos_image_has_a_boot_stage_that_the_boot_rom_takes() -> None:
    image = (build("pico", "arm-none-eabi-gcc") / "pico.uf2").read_bytes()
    blocks = [image[at : at + 512] for at in range(0, len(image), 512)]
    for number, block in enumerate(blocks):
        magic, second, flags, address, size, index, count, family = struct.unpack_from("<8I", block)
        assert (magic, second, struct.unpack_from("<I", block, 508)[0]) == (0x0A324655, 0x9E5D5157, 0x0AB16F30)
        assert (flags, family, size) == (0x2000, 0xE48BFF56, 256)
        assert (address, index, count) == (0x10000000 + 256 * number, number, len(blocks))
    boot = blocks[0][32 : 32 + 256]
    stack, start = struct.unpack_from("<2I", blocks[1], 32)
    assert _checksum(boot) == 0, "over data and checksum the remainder is 0"
    assert stack == 0x20000000 + 256 * 1024
    assert start & 1
    assert 0x10000100 < start < 0x10000000 + 256 * len(blocks)


def _checksum(data: bytes) -> int:
    """By long division, not as image.py does it."""
    value = int.from_bytes(data, "big") ^ 0xFFFFFFFF << 8 * (len(data) - 4)
    # The checksum is little-endian in the image.
    value = value & ~0xFFFFFFFF | int.from_bytes(data[-4:], "little")
    for bit in range(8 * len(data) - 1, 31, -1):
        if value >> bit & 1:
            value ^= 0x104C11DB7 << bit - 32
    return value
