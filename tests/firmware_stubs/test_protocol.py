"""The document, the firmware and the Python side say the same, and the two codecs are each other's inverse."""

from __future__ import annotations

import binascii
import ctypes as c
import re
import subprocess
from enum import IntEnum

import pytest
from cobs import cobs
from hypothesis import given
from hypothesis import strategies as st

from edge.gates.controller import protocol
from edge.gates.controller.protocol import KINDS, Decoder, WireFrame, cobs_decode, cobs_encode, frame_bytes
from tests.firmware_stubs.building import SOURCES, build

GROUPS: dict[str, type[IntEnum]] = {
    "NAK": protocol.Nak,
    "LATE": protocol.Late,
    "ACTION": protocol.Action,
    "FAULT": protocol.ControllerFault,
    "FLAG": protocol.Flag,  # type: ignore[dict-item]
}

payloads = st.binary(max_size=protocol.MAX_PAYLOAD)
frames = st.builds(WireFrame, st.integers(0, 255), st.integers(0, 255), payloads)


def firmware_says() -> set[str]:
    printed = subprocess.run([build("host") / "table"], capture_output=True, text=True, check=True).stdout
    return {line for line in printed.splitlines() if not line.startswith("limit ")}


def readme_says() -> set[str]:
    text = (SOURCES / "README.md").read_text("utf-8")
    rows = [
        [cell.strip(" `") for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"
    ]
    messages = {f"message {row[1]} {row[0]} {row[2]} {row[3]}" for row in rows if re.match("0x", row[0])}
    constants = {f"constant {row[0]} {row[1]} {row[2]}" for row in rows if row[0] in GROUPS}
    assert messages
    assert constants
    return messages | constants


def python_says() -> set[str]:
    messages = {f"message {kind.name} 0x{kind.number:02x} {kind.sender} {kind.fields}" for kind in KINDS}
    return messages | {
        f"constant {group} {item.name.lower()} {item.value}" for group, items in GROUPS.items() for item in items
    }


def test_readme_firmware_and_python_have_the_same_messages_and_constants() -> None:
    assert firmware_says() == readme_says()
    assert python_says() == readme_says()


def test_the_limits_are_the_same() -> None:
    printed = subprocess.run([build("host") / "table"], capture_output=True, text=True, check=True).stdout
    assert f"limit protocol {protocol.PROTOCOL}\n" in printed
    assert f"limit max_payload {protocol.MAX_PAYLOAD}\n" in printed


@given(st.binary(max_size=1100))
def test_cobs_is_that_of_the_cobs_package(data: bytes) -> None:
    assert cobs_encode(data) == cobs.encode(data)
    assert cobs_decode(cobs_encode(data)) == data


@given(st.lists(st.sampled_from([0, 1, 252, 253, 254, 255, 256, 508]), max_size=4))
def test_cobs_is_right_around_full_blocks(runs: list[int]) -> None:
    data = b"\0".join(b"\1" * run for run in runs)
    assert cobs_encode(data) == cobs.encode(data)
    assert cobs_decode(cobs_encode(data)) == data


@given(st.binary(max_size=80))
def test_what_the_cobs_package_refuses_is_refused(data: bytes) -> None:
    try:
        expected = cobs.decode(data) if data else None
    except cobs.DecodeError:
        expected = None
    assert cobs_decode(data) == expected


class Codec:
    """The firmware's."""

    def __init__(self) -> None:
        self.library = c.CDLL(str(build("host") / "libcontroller.so"))
        self.library.lc_frame_encode.restype = self.library.lc_decoder_size.restype = c.c_size_t
        self.library.lc_crc16.restype = c.c_uint16
        self.decoder = c.create_string_buffer(self.library.lc_decoder_size())

    def encode(self, frame: WireFrame) -> bytes:
        out = c.create_string_buffer(protocol.MAX_FRAME + 1)
        size = self.library.lc_frame_encode(
            out, c.c_uint8(frame.type), c.c_uint8(frame.seq), frame.payload, c.c_size_t(len(frame.payload))
        )
        return out.raw[:size]

    def decode(self, data: bytes) -> list[WireFrame]:
        out = c.create_string_buffer(3 + protocol.MAX_PAYLOAD)
        return [
            WireFrame(out.raw[0], out.raw[1], out.raw[3 : 3 + out.raw[2]])
            for byte in data
            if self.library.lc_frame_decode(self.decoder, c.c_uint8(byte), out)
        ]


@pytest.fixture(scope="module")
def firmware() -> Codec:
    return Codec()


@given(st.binary(max_size=200))
def test_the_crc_is_the_same(firmware: Codec, data: bytes) -> None:
    assert firmware.library.lc_crc16(data, c.c_size_t(len(data))) == binascii.crc_hqx(data, 0xFFFF)


@given(st.lists(frames, max_size=5))
def test_each_side_reads_what_the_other_writes(firmware: Codec, sent: list[WireFrame]) -> None:
    ours = b"".join(frame_bytes(*frame) for frame in sent)
    theirs = b"".join(firmware.encode(frame) for frame in sent)
    assert ours == theirs
    assert list(Decoder().feed(theirs)) == sent
    assert firmware.decode(ours) == sent


@given(st.lists(st.one_of(payloads, frames.map(lambda frame: frame_bytes(*frame))), max_size=6), st.integers(1, 9))
def test_both_decoders_find_the_same_frames_in_noise_however_it_arrives(
    firmware: Codec, noise: list[bytes], step: int
) -> None:
    data = b"".join(noise) + b"\0"
    decoder = Decoder()
    ours = [frame for at in range(0, len(data), step) for frame in decoder.feed(data[at : at + step])]
    assert ours == firmware.decode(data)


@given(frames, st.data())
def test_a_frame_with_one_or_two_flipped_bits_is_never_taken_for_another(
    frame: WireFrame, data: st.DataObject
) -> None:
    good = frame_bytes(*frame)
    bits = data.draw(st.sets(st.integers(0, 8 * (len(good) - 1) - 1), min_size=1, max_size=2))
    damaged = bytearray(good)
    for bit in bits:
        damaged[bit // 8] ^= 1 << bit % 8
    assert frame not in list(Decoder().feed(bytes(damaged)))
