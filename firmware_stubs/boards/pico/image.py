#!/usr/bin/env python3
"""firmware.bin → firmware.uf2 for a Raspberry Pi Pico: puts the boot stage's checksum in, cuts it into blocks.

The boot ROM takes the first 256 bytes only with a right CRC-32 in their last word (RP2040 data sheet, 2.8.1.3.1:
polynomial 0x04C11DB7, start 0xFFFFFFFF, not reflected). UF2: github.com/microsoft/uf2.
"""

import struct
import sys
from pathlib import Path

FLASH, FAMILY, BLOCK, BOOT = 0x10000000, 0xE48BFF56, 256, 252


def checksum(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ (0x04C11DB7 if crc & 0x80000000 else 0)) & 0xFFFFFFFF
    return crc


def uf2(binary: bytes) -> bytes:
    binary = binary[:BOOT] + struct.pack("<I", checksum(binary[:BOOT])) + binary[BOOT + 4 :]
    blocks = [binary[at : at + BLOCK].ljust(BLOCK, b"\0") for at in range(0, len(binary), BLOCK)]
    return b"".join(
        struct.pack(
            "<8I476sI", 0x0A324655, 0x9E5D5157, 0x2000, FLASH + number * BLOCK, BLOCK, number, len(blocks), FAMILY,
            block, 0x0AB16F30,
        )
        for number, block in enumerate(blocks)
    )  # fmt: skip


if __name__ == "__main__":
    Path(sys.argv[2]).write_bytes(uf2(Path(sys.argv[1]).read_bytes()))
