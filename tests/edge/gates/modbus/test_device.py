"""Every answer of a Modbus device is compared with what was asked; pymodbus compares none."""

from __future__ import annotations

import struct
from types import SimpleNamespace
from typing import Any

import pytest

from edge.errors import ConfigError
from edge.gates import open_gate
from edge.gates.gate import UnchangedError
from edge.gates.modbus.device import REOPEN_S, Device, DeviceRefusedError, NotReachedError
from edge.gates.options import GateConfig


class Client:
    """pymodbus' client with one answer to everything."""

    def __init__(self, answer: Any = None, reachable: bool = True) -> None:
        self.answer, self.reachable = answer, reachable
        self.connected = False
        self.tries = 0

    def connect(self) -> bool:
        self.tries += 1
        if isinstance(self.reachable, Exception):
            raise self.reachable
        self.connected = self.reachable
        return self.reachable

    def close(self) -> None:
        self.connected = False

    def __getattr__(self, name: str) -> Any:
        def call(*args: Any, **options: Any) -> Any:
            if isinstance(self.answer, BaseException):
                raise self.answer
            return self.answer

        return call


def answer(**fields: Any) -> SimpleNamespace:
    return SimpleNamespace(isError=lambda: False, **fields)


@pytest.mark.parametrize(
    "said",
    [
        answer(address=3, bits=[False]),
        answer(address=4, bits=[True]),
        answer(address=3, registers=[1]),
        answer(address=3, bits=[]),
        answer(),
    ],
)
def test_an_answer_that_states_something_else_is_no_confirmation(said: Any) -> None:
    client = Client(said)
    with pytest.raises(OSError, match=r"modbus://plc: answers otherwise: asked for coil 3 on, got ") as caught:
        Device("plc", 1, client).write_coil(3, True)
    assert not isinstance(caught.value, UnchangedError)
    assert not client.connected, "what else comes on this link belongs to nobody"


def test_an_answer_that_states_what_was_asked_for_confirms_it() -> None:
    Device("plc", 1, Client(answer(address=3, bits=[True]))).write_coil(3, True)
    Device("plc", 1, Client(answer(address=9, registers=[7]))).write_register(9, 7)
    Device("plc", 1, Client(answer(address=9, count=2))).write_registers(9, [7, 8])
    read = answer(registers=[7, 8], function_code=3)
    assert Device("plc", 1, Client(read)).read_registers(9, 2) == [7, 8]


@pytest.mark.parametrize("call", ["write_register", "write_registers", "read_registers"])
def test_so_it_is_for_registers(call: str) -> None:
    device = Device("plc", 1, Client(answer(address=9, bits=[True])))
    value: Any = {"write_register": 7, "write_registers": [7], "read_registers": 1}[call]
    with pytest.raises(OSError, match="answers otherwise"):
        getattr(device, call)(9, value)


@pytest.mark.parametrize("error", [TimeoutError("x"), struct.error("x"), RuntimeError("x"), SystemExit(1)])
def test_after_any_error_the_link_is_closed(error: BaseException) -> None:
    client = Client(error)
    with pytest.raises((OSError, SystemExit)) as caught:
        Device("plc", 1, client).write_coil(3, True)
    assert not isinstance(caught.value, UnchangedError)
    assert not client.connected


@pytest.mark.parametrize(("code", "unchanged"), [(2, True), (6, True), (4, False), (5, False), (11, False)])
def test_an_exception_code_tells_whether_it_was_certainly_not_done(code: int, unchanged: bool) -> None:
    said = SimpleNamespace(isError=lambda: True, exception_code=code)
    with pytest.raises(OSError) as caught:
        Device("plc", 1, Client(said)).write_coil(3, True)
    assert isinstance(caught.value, DeviceRefusedError) == unchanged


@pytest.mark.parametrize("reachable", [False, UnicodeError("label too long")])
def test_a_device_that_cannot_be_reached_was_certainly_not_asked_and_is_tried_again_after_a_pause(
    reachable: Any,
) -> None:
    client, now = Client(answer(address=3, bits=[True]), reachable), [0.0]
    device = Device("plc", 1, client, clock=lambda: now[0])
    for _ in range(3):
        with pytest.raises(NotReachedError, match="modbus://plc: cannot be reached"):
            device.write_coil(3, True)
    assert client.tries == 1
    now[0], client.reachable = REOPEN_S, True
    device.write_coil(3, True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("coil=3&unit=0", "unit: 0 is the broadcast, which nobody answers"),
        ("register=3&unit=0", "unit: 0 is the broadcast"),
        ("coil=3&pulse=ours", "pulse: expected edge or plc, got 'ours'"),
        ("register=3&watchdog=7", "watchdog, pulse: expected with coil="),
        ("register=3&pulse=plc", "watchdog, pulse: expected with coil="),
    ],
)
def test_what_could_not_be_kept_safe_is_refused_in_one_line(options: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        open_gate(GateConfig(f"modbus://plc?{options}"))
    assert message in str(caught.value) and "\n" not in str(caught.value)
