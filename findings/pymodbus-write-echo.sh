#!/usr/bin/env bash
# Guess: `write_coil()` and `write_register()` fail unless the device echoes the very write, as the protocol asks of it.
# Seen: any well-formed answer to the same function counts. A device that says that another coil was switched, or this one the
#   other way, is reported as success: `isError()` is False.
# With: pymodbus 3.16.1, Python 3.11 to 3.13.
# Source: Modbus Application Protocol 1.1b3, 6.5 and 6.6 (the normal response is an echo of the request); pymodbus decodes
#   the answer and leaves the comparison to its caller.
# Meets: whoever switches an output (a valve, an air jet, a motor) and takes "no error" for "it is off".
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" --quiet install pymodbus==3.16.1
"$work/venv/bin/python" - <<'PYTHON'
import socket
import struct
import sys
import threading

from pymodbus.client import ModbusTcpClient

listener = socket.create_server(("127.0.0.1", 0))


def serve():
    """Answers each write with an echo that is not what was asked: another address, the opposite value."""
    device, _ = listener.accept()
    while head := device.recv(8, socket.MSG_WAITALL):
        address, value = struct.unpack(">HH", device.recv(4, socket.MSG_WAITALL))
        opposite = value ^ 0xFF00 if head[7] == 5 else value + 1
        device.sendall(head + struct.pack(">HH", address + 100, opposite))


threading.Thread(target=serve, daemon=True).start()
client = ModbusTcpClient("127.0.0.1", port=listener.getsockname()[1], timeout=2, retries=0)
assert client.connect()
coil = client.write_coil(3, False)
print(f"asked for coil 3 off; answered coil {coil.address} {coil.bits[:1]}; isError() {coil.isError()}")
register = client.write_register(7, 1)
print(f"asked for register 7 = 1; answered register {register.address} = {register.registers}; isError() {register.isError()}")
client.close()
sys.exit(coil.isError() or register.isError() or coil.address == 3 or register.address == 7)
PYTHON
