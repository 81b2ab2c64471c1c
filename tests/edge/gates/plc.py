"""A Modbus TCP server of pymodbus, in a thread: what a PLC is to the gate."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import Any


class Plc:
    """Sixteen coils and sixteen holding registers at address 0 of unit 1."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.coils: list[tuple[int, bool]] = []
        """Writes so far: address, value."""
        self.registers: list[tuple[int, list[int]]] = []
        self._loop = asyncio.new_event_loop()
        self._server: Any = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(5)

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.port}"

    def stop(self) -> None:
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self._server.shutdown(), self._loop).result(5)
            self._thread.join(5)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        from pymodbus.datastore import ModbusDeviceContext, ModbusSequentialDataBlock, ModbusServerContext
        from pymodbus.server import ModbusTcpServer

        blocks = {kind: ModbusSequentialDataBlock(1, [0] * 16) for kind in ("co", "hr")}
        context = ModbusServerContext({1: ModbusDeviceContext(**blocks)}, single=False)
        self._server = ModbusTcpServer(context, address=("127.0.0.1", self.port), trace_pdu=self._note)
        task = asyncio.ensure_future(self._server.serve_forever())
        await asyncio.sleep(0.05)
        self._ready.set()
        await asyncio.gather(task, return_exceptions=True)

    def _note(self, sending: bool, pdu: Any) -> Any:
        if not sending and pdu.function_code == 5:
            self.coils.append((pdu.address, pdu.bits[0]))
        if not sending and pdu.function_code == 16:
            self.registers.append((pdu.address, list(pdu.registers)))
        return pdu
