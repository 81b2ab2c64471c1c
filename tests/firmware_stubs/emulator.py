"""A board under qemu: its pins driven through qtest, its resets through QMP, its serial line a socket.

qemu starts stopped, because it loses what the firmware says before anybody listens. Time is not to be trusted on a
loaded machine, so the encoder is stepped: a tick is over when the firmware has toggled the pin that says so.
"""

from __future__ import annotations

import json
import shutil
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from tests.firmware_stubs.building import build

PATIENCE_S = 20.0
TICK_BYTES = len("OK\nOK\nIRQ raise 3\n")
"""The least that qemu says of a pulse that was seen."""


class Pins:
    """The LM3S6965's: which line of which port (see boards/lm3s6965evb/board.c)."""

    inputs, outputs = "B", "F"
    encoder, eye, feedback = 0, 1, 2
    gate, alarm, tick_seen, eye_seen = 0, 2, 3, 4


class Machine:
    """A board's firmware under qemu, stopped until :meth:`go`: ``line`` is its serial line."""

    def __init__(self, board: str) -> None:
        firmware = build(board, "arm-none-eabi-gcc", "qemu-system-arm") / f"{board}.elf"
        self._folder = Path(tempfile.mkdtemp(prefix="qemu-"))
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  # as long as the process
        self._process = subprocess.Popen(
            [
                *("qemu-system-arm", "-M", board, "-accel", "tcg", "-S", "-display", "none", "-nodefaults"),
                *("-kernel", str(firmware)),
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
            stderr=self._said,
        )
        try:
            qmp = self._socket("qmp")
            qmp.settimeout(PATIENCE_S)
            self._qmp = qmp.makefile("rw")
            self._qmp.readline()
            self.qmp("qmp_capabilities")
            self.line = self._socket("link")
            self.qtest = self._socket("qtest")
            # The kernel's time-out: Python's own would cost a second system call each time.
            self.qtest.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", int(PATIENCE_S), 0))
            self.go()
        except BaseException:
            self.stop()
            raise

    def go(self) -> None:
        self.qmp("cont")

    def stop(self) -> None:
        self.kill()
        self._said.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def qmp(self, command: str, **arguments: str) -> Any:
        self._qmp.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self._qmp.flush()
        until = time.monotonic() + PATIENCE_S
        while "return" not in (answer := json.loads(self._qmp.readline() or self.gone(command))):
            assert "error" not in answer, answer
            assert time.monotonic() < until, f"{command}: qemu does not answer"
        return answer["return"]

    def gone(self, doing: str) -> NoReturn:
        """Its socket has ended: fails, and says why."""
        self._process.wait(PATIENCE_S)
        self._said.seek(0)
        raise AssertionError(f"{doing}: qemu ended, status {self._process.returncode}: {self._said.read()[-500:]!r}")

    def _socket(self, name: str) -> socket.socket:
        made = socket.socket(socket.AF_UNIX)
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                made.connect(str(self._folder / name))
            except OSError:
                assert time.monotonic() < until, "qemu did not start"
                if self._process.poll() is not None:
                    self.gone("start")
                time.sleep(0.02)
            else:
                return made


class Emulator(Machine):
    """A running LM3S6965. ``opened`` has every tick at which the gate opened since the last reset."""

    def __init__(self) -> None:
        self.opened: list[int] = []
        self.tick = 0
        self._level = dict.fromkeys(range(8), False)
        self._boots = self._oks = 0  # _oks: commands that qemu has not yet answered
        self._rest, self._inputs = b"", ""
        super().__init__("lm3s6965evb")

    def go(self) -> None:
        ports = self._ports()
        self._inputs = ports[Pins.inputs]
        self._ask(f"irq_intercept_out {ports[Pins.outputs]}")
        super().go()
        self._wait_for_boot()

    def _ports(self) -> dict[str, str]:
        """Path by letter. qemu numbers a board's devices as they are made, which differs from release to release."""
        place = "/machine/unattached"
        found = [item["name"] for item in self.qmp("qom-list", path=place) if item["type"] == "child<pl061_luminary>"]
        found.sort(key=lambda name: int(name[len("device[") : -1]))
        return dict(zip("ABCDEFG", (f"{place}/{name}" for name in found), strict=True))

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
        self._take_until(lambda: not self._level[Pins.eye_seen], "end of the part before")
        before_ns = time.monotonic_ns()
        self._set(Pins.eye, True)
        self._take_until(lambda: self._oks <= 0 and self._level[Pins.eye_seen], "part")
        after_ns = time.monotonic_ns()
        self._set(Pins.eye, False)  # whoever steps next takes the answer, too
        return before_ns, after_ns

    def reset(self) -> None:
        """Returns when the firmware runs again; its ticks begin at 0.

        qemu does not tell of pins that fall with the reset, so the belt moves on until they are low anyway.
        """
        self._take_until(lambda: not self._level[Pins.eye_seen], "end of the part before")
        while self._level[Pins.gate] or self._level[Pins.tick_seen]:
            self.step()
        self.qmp("system_reset")
        self._wait_for_boot()

    def set_feedback(self, is_open: bool) -> None:
        self._ask(f"set_irq_in {self._inputs} unnamed-gpio-in {Pins.feedback} {int(is_open)}")

    def _wait_for_boot(self) -> None:
        self.tick, self.opened, self._boots = 0, [], 0
        self._take_until(lambda: self._boots, "boot")

    def _pulse_and_wait(self, pin: int, seen: int) -> None:
        before, level = self._level[seen], self._level
        target = f"set_irq_in {self._inputs} unnamed-gpio-in {pin}"
        self._tell(f"{target} 1\n{target} 0\n", 2)
        self._take_until(lambda: level[seen] != before and self._oks <= 0, f"pulse on pin {pin}", TICK_BYTES)

    def _set(self, pin: int, level: bool) -> None:
        self._tell(f"set_irq_in {self._inputs} unnamed-gpio-in {pin} {int(level)}\n")

    def _ask(self, command: str) -> None:
        self._tell(f"{command}\n")
        self._take_until(lambda: self._oks <= 0, command)

    def _tell(self, commands: str, count: int = 1) -> None:
        self._oks += count
        with suppress(ConnectionError):  # whoever waits for the answer will see
            self.qtest.sendall(commands.encode())

    def _take_until(self, condition: Callable[[], object], doing: str, least: int = 0) -> None:
        """Takes what qemu says; ``least`` bytes come in any case, so one call waits for all of them."""
        until = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < until, f"{self._where(doing)}: not seen by the firmware"
            *lines, self._rest = (self._rest + self._heard(doing, least)).split(b"\n")
            for line in lines:
                self._take(line)
            least = 0

    def _heard(self, doing: str, least: int) -> bytes:
        try:
            data = self.qtest.recv(least, socket.MSG_WAITALL) if least else self.qtest.recv(4096)
        except BlockingIOError:  # PATIENCE_S are over
            return b""
        except ConnectionError:
            data = b""
        return data or self.gone(self._where(doing))

    def _where(self, doing: str) -> str:
        return f"{doing}, tick {self.tick}, pins {self._level}"

    def _take(self, line: bytes) -> None:
        if line == b"OK":
            self._oks -= 1
            return
        assert line.startswith(b"IRQ "), line
        _, change, number = line.split()
        pin, level = int(number), change == b"raise"
        if pin == Pins.gate and level and not self._level[pin]:
            self.opened.append(self.tick)
        self._boots += pin == Pins.eye_seen and level
        self._level[pin] = level


class Mps2(Machine):
    """An MPS2 with AN385: qemu has none of its pins, so its interrupts are raised, and LEDs and memory read."""

    ENCODER, EYE = 16, 17

    def __init__(self) -> None:
        super().__init__("mps2-an385")
        names = subprocess.run(
            ["arm-none-eabi-nm", build("mps2-an385") / "mps2-an385.elf"], capture_output=True, text=True, check=True
        ).stdout
        self._ticks = next(line.split()[0] for line in names.splitlines() if line.endswith(" ticks_seen"))
        self._answers = self.qtest.makefile("rw")
        self.tick = 0

    def step(self, ticks: int = 1) -> None:
        for _ in range(ticks):
            self.tick += 1
            self._pulse(self.ENCODER)
            until = time.monotonic() + PATIENCE_S
            while self._read(f"0x{self._ticks}") != self.tick:
                assert time.monotonic() < until, "the firmware does not count"

    def part(self) -> None:
        self._pulse(self.EYE)

    @property
    def gate_open(self) -> bool:
        return bool(self._read("0x40028000") & 1)

    def _pulse(self, interrupt: int) -> None:
        """Up and down in one go: while the line is up, the interrupt is taken again and again."""
        line = f"set_irq_in /machine/armv7m unnamed-gpio-in {interrupt}"
        self._tell(f"{line} 1\n{line} 0")
        self._answers.readline()

    def _read(self, address: str) -> int:
        return int(self._tell(f"readl {address}").split()[1], 16)

    def _tell(self, command: str) -> str:
        self._answers.write(command + "\n")
        self._answers.flush()
        return self._answers.readline()
