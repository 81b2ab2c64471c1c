"""A board under qemu: its pins driven through qtest, its resets through QMP, its serial line a socket.

qemu starts stopped, because it loses what the firmware says before anybody listens. Time is not to be trusted on a
loaded machine, so the encoder is stepped: a tick is over when the firmware has toggled the pin that says so.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.firmware_stubs.building import build

PATIENCE_S = 20.0


class Pins:
    """The LM3S6965's: which line of which device (see boards/lm3s6965evb/board.c)."""

    inputs = "/machine/unattached/device[9]"  # port B
    outputs = "/machine/unattached/device[13]"  # port F
    encoder, eye, feedback = 0, 1, 2
    gate, alarm, tick_seen, eye_seen = 0, 2, 3, 4


class Emulator:
    """A running LM3S6965. ``opened`` has every tick at which the gate opened since the last reset."""

    def __init__(self) -> None:
        firmware = build("lm3s6965evb", "arm-none-eabi-gcc", "qemu-system-arm")
        self.opened: list[int] = []
        self.tick = 0
        self._level = dict.fromkeys(range(8), False)
        self._boots = 0
        self._folder = Path(tempfile.mkdtemp(prefix="qemu-"))
        self._process = subprocess.Popen(
            [
                *("qemu-system-arm", "-M", "lm3s6965evb", "-accel", "tcg", "-S", "-display", "none", "-nodefaults"),
                *("-kernel", str(firmware / "lm3s6965evb.elf")),
                *(
                    "-chardev",
                    f"socket,id=link,path={self._folder}/link,server=on,wait=off",
                    "-serial",
                    "chardev:link",
                ),
                *("-qtest", f"unix:{self._folder}/qtest,server=on,wait=off", "-qtest-log", "none"),
                *("-qmp", f"unix:{self._folder}/qmp,server=on,wait=off"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            self._connect()
        except BaseException:
            self.stop()
            raise

    def _connect(self) -> None:
        self._qmp = self._socket("qmp").makefile("rw")
        self._qmp.readline()
        self.qmp("qmp_capabilities")
        self.line = self._socket("link")
        self._qtest = self._socket("qtest")
        self._qtest.settimeout(PATIENCE_S)
        self._rest = b""
        self._ask(f"irq_intercept_out {Pins.outputs}")
        self.qmp("cont")
        self._wait_for_boot()

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def alarm(self) -> bool:
        return self._level[Pins.alarm]

    def step(self, ticks: int = 1) -> None:
        """The belt moves on."""
        for _ in range(ticks):
            self.tick += 1
            self._pulse_and_wait(Pins.encoder, Pins.tick_seen)

    def part(self) -> tuple[int, int]:
        """A part passes the photo-eye. Returns the monotonic time before and after the firmware saw it."""
        before_ns = time.monotonic_ns()
        self._set_and_wait(Pins.eye, True, Pins.eye_seen)
        after_ns = time.monotonic_ns()
        self._set_and_wait(Pins.eye, False, Pins.eye_seen)
        return before_ns, after_ns

    def reset(self) -> None:
        """Returns when the firmware runs again; its ticks begin at 0.

        qemu does not tell of pins that fall with the reset, so the belt moves on until they are low anyway.
        """
        while self._level[Pins.gate] or self._level[Pins.tick_seen]:
            self.step()
        self.qmp("system_reset")
        self._wait_for_boot()

    def set_feedback(self, is_open: bool) -> None:
        self._ask(f"set_irq_in {Pins.inputs} unnamed-gpio-in {Pins.feedback} {int(is_open)}")

    def qmp(self, command: str) -> Any:
        self._qmp.write(json.dumps({"execute": command}) + "\n")
        self._qmp.flush()
        while "return" not in (answer := json.loads(self._qmp.readline())):
            assert "error" not in answer, answer
        return answer["return"]

    def _socket(self, name: str) -> socket.socket:
        made = socket.socket(socket.AF_UNIX)
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                made.connect(str(self._folder / name))
            except OSError:
                assert time.monotonic() < until, "qemu did not start"
                time.sleep(0.02)
            else:
                return made

    def _wait_for_boot(self) -> None:
        self.tick, self.opened, self._boots = 0, [], 0
        self._take_until(lambda: self._boots)

    def _pulse_and_wait(self, pin: int, seen: int) -> None:
        before = self._level[seen]
        target = f"set_irq_in {Pins.inputs} unnamed-gpio-in {pin}"
        self._qtest.sendall(f"{target} 1\n{target} 0\n".encode())
        self._oks = 2
        self._take_until(lambda: self._oks <= 0 and self._level[seen] != before)

    def _set_and_wait(self, pin: int, level: bool, seen: int) -> None:
        self._qtest.sendall(f"set_irq_in {Pins.inputs} unnamed-gpio-in {pin} {int(level)}\n".encode())
        self._oks = 1
        self._take_until(lambda: self._oks <= 0 and self._level[seen] == level)

    def _ask(self, command: str) -> None:
        self._qtest.sendall(f"{command}\n".encode())
        self._oks = 1
        self._take_until(lambda: self._oks <= 0)

    def _take_until(self, condition: Any) -> None:
        while not condition():
            *lines, self._rest = (self._rest + self._qtest.recv(4096)).split(b"\n")
            for line in lines:
                self._take(line)

    def _take(self, line: bytes) -> None:
        if line.startswith(b"OK"):
            self._oks -= 1
            return
        assert line.startswith(b"IRQ "), line
        _, change, number = line.split()
        pin, level = int(number), change == b"raise"
        if pin == Pins.gate and level and not self._level[pin]:
            self.opened.append(self.tick)
        self._boots += pin == Pins.eye_seen and level
        self._level[pin] = level
