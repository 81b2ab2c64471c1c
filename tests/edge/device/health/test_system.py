"""What the kernel says, and what it does not."""

from __future__ import annotations

from mmap import mmap
from pathlib import Path

import numpy as np
import pytest

from edge.core.memory import resident_bytes
from edge.device.health.system import free_bytes, temperature_c, throttled


def test_temperature_is_read_in_degrees_where_there_is_a_sensor(tmp_path: Path) -> None:
    sensor = tmp_path / "temp"
    assert temperature_c(sensor) is None
    sensor.write_text("48312\n")
    assert temperature_c(sensor) == 48.312
    sensor.write_text("garbage")
    assert temperature_c(sensor) is None


def test_resident_memory_grows_with_what_is_held() -> None:
    before = resident_bytes()
    with mmap(-1, 40 << 20) as held:  # from the kernel: the allocator may have so much left of earlier tests
        np.frombuffer(held, np.uint8).fill(1)
        assert resident_bytes() - before > 30 << 20


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("0", ()),
        ("50005", ("under-voltage", "throttled")),
        ("0x8", ("soft temperature limit",)),
        ("f0000", ()),  # it was, and is no more
        ("garbage", None),
    ],
)
def test_a_raspberry_pis_firmware_flags_say_what_slows_it_down_now(
    tmp_path: Path, flags: str, expected: tuple[str, ...] | None
) -> None:
    path = tmp_path / "devices" / "platform" / "soc" / "soc:firmware" / "get_throttled"
    path.parent.mkdir(parents=True)
    path.write_text(flags + "\n")
    assert throttled(tmp_path) == expected


@pytest.mark.parametrize(("alarm", "expected"), [("0", ()), ("1", ("under-voltage",)), ("", None)])
def test_kernels_without_the_flags_still_show_the_voltage_alarm(
    tmp_path: Path, alarm: str, expected: tuple[str, ...] | None
) -> None:
    for number, name in enumerate(("cpu_thermal", "rpi_volt")):
        sensor = tmp_path / "class" / "hwmon" / f"hwmon{number}"
        sensor.mkdir(parents=True)
        (sensor / "name").write_text(name + "\n")
        (sensor / "in0_lcrit_alarm").write_text(alarm)
    assert throttled(tmp_path) == expected


def test_another_board_does_not_tell(tmp_path: Path) -> None:
    assert throttled(tmp_path) is None


def test_free_room_is_that_of_the_folders_file_system(tmp_path: Path) -> None:
    assert (free_bytes(tmp_path) or 0) > 0
    assert free_bytes(tmp_path / "none") is None
