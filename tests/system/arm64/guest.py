"""A whole ARM64 computer in qemu: systemd, the provisioned device, a state partition that outlives it."""

from __future__ import annotations

import re
import subprocess
import threading
import time
from pathlib import Path
from typing import IO

PROJECT = Path(__file__).resolve().parents[3]
POLL_S = 3.0
"""Each question costs the emulator a process."""
IMAGE = PROJECT / "build" / "arm64" / "image"


class Guest:
    """Runs from the start; ``run()`` types into the root shell on its serial console."""

    def __init__(self, state: Path, log: Path, memory_mb: int = 1024) -> None:
        """``state``: a raw disk that becomes /var/lib/edge. The host's loopback is 10.0.2.2 inside."""
        self.log = log
        self.process = subprocess.Popen(
            _command(state, memory_mb), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._input: IO[bytes] = self.process.stdin
        self._said = bytearray()
        self._number = 0
        self._reader = threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True)
        self._reader.start()

    def wait_for_shell(self, timeout_s: float) -> None:
        """Until systemd has brought the console's shell up. AssertionError otherwise."""
        until = time.monotonic() + timeout_s
        while True:
            self._type(f"echo console shell is '{'ready'}'")
            if self._seen(rb"console shell is ready", 0, min(until, time.monotonic() + 5)):
                self.run("true")  # what was typed before anybody listened is answered now
                return
            assert self.process.poll() is None, self.tail
            assert time.monotonic() < until, self.tail

    def run(self, command: str, timeout_s: float = 900) -> str:
        """What a shell command prints. AssertionError when it does not end in time."""
        self._number += 1
        mark, start = f"done-{self._number}", len(self._said)
        self._type(f"{command}; echo {mark[:4]}''{mark[4:]} $?")
        pattern = rb"(?s)(.*?)" + mark.encode() + rb" (\d+)\r?\n"
        found = self._seen(pattern, start, time.monotonic() + timeout_s)
        assert found, f"{command}: no end within {timeout_s:.0f} s\n{self.tail}"
        text = found.group(1).decode("utf-8", "replace").replace("\r", "")
        return "\n".join(line for line in text.splitlines() if not re.match(r"\[ *\d+\.\d+\] ", line)).strip()

    def until(self, command: str, pattern: str, timeout_s: float) -> str:
        """Repeats a shell command until what it prints matches. AssertionError with that otherwise."""
        until, said = time.monotonic() + timeout_s, ""
        while time.monotonic() < until:
            said = self.run(command, timeout_s)
            if re.search(pattern, said):
                return said
            time.sleep(POLL_S)
        raise AssertionError(f"{command}: still\n{said}\nafter {timeout_s:.0f} s; expected {pattern}")

    def cut_power(self) -> None:
        """What the guest had not written to its disk is lost."""
        self.process.kill()
        self.process.wait()

    def power_off(self, timeout_s: float) -> None:
        """In order."""
        self._type("systemctl poweroff")
        self.process.wait(timeout_s)

    @property
    def tail(self) -> str:
        """The last lines of the console."""
        return "\n".join(self._said.decode("utf-8", "replace").splitlines()[-40:])

    def _type(self, line: str) -> None:
        self._input.write(line.encode() + b"\n")
        self._input.flush()

    def _seen(self, pattern: bytes, start: int, until: float) -> re.Match[bytes] | None:
        while time.monotonic() < until and self.process.poll() is None:
            found = re.search(pattern, bytes(self._said[start:]))
            if found:
                return found
            time.sleep(0.1)
        return re.search(pattern, bytes(self._said[start:]))

    def _read(self, stream: IO[bytes]) -> None:
        with self.log.open("wb") as log:
            while data := stream.read1(4096):  # type: ignore[attr-defined]
                self._said += data
                log.write(data)
                log.flush()


def _command(state: Path, memory_mb: int) -> list[str]:
    quiet = "console=ttyAMA0 quiet loglevel=3 systemd.show_status=no"
    return [
        *("qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a72", "-smp", "2", "-m", str(memory_mb)),
        *("-display", "none", "-serial", "stdio", "-monitor", "none", "-no-reboot"),
        *("-kernel", str(IMAGE / "vmlinuz"), "-initrd", str(IMAGE / "initramfs"), "-append", quiet),
        *("-drive", f"file={IMAGE / 'root.img'},format=raw,if=none,id=root,readonly=on"),
        *("-device", "virtio-blk-pci,drive=root"),
        *("-drive", f"file={state},format=raw,if=none,id=state,cache=writeback"),
        *("-device", "virtio-blk-pci,drive=state"),
        *("-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,romfile="),
        *("-device", "virtio-rng-pci"),
    ]
