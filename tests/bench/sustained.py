"""A thousand records a second for ten minutes, through buffer, sync and a real broker: does memory grow?

The buffer's cap is small, so that making room is part of it.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from deploy.mosquitto.local import Mosquitto
from edge.core.memory import resident_bytes
from edge.device.buffer import Buffer
from edge.device.sync import Sync, open_transport
from edge.protocol.messages import Identity
from edge.protocol.record import Record
from tests.bench import listener
from tests.bench.setting import Setting
from tests.bench.timing import Row, child

PER_S, CAP_BYTES = 1000, 4 << 20
SECONDS = float(os.environ.get("EDGE_BENCH_SUSTAINED_S", "600"))
MAX_GROWTH_MB = 2.0


def rows(setting: Setting) -> Iterator[Row]:
    folder = setting.folder / "sustained"
    with Mosquitto(folder / "broker") as broker, listener.listening(broker.url, folder / "heard.jsonl"):
        program = "import sys; from tests.bench.sustained import run; run(sys.argv[1], sys.argv[2])"
        sent, begin, end, lost = map(float, child(program, str(folder / "buffer.db"), broker.url).split())
        time.sleep(1.5)
        heard = max(line.get("records", 0) for line in listener.read(folder / "heard.jsonl"))
    grown = (end - begin) / 1e6
    holds = grown <= MAX_GROWTH_MB and not lost and heard == sent
    text = f"memory after {SECONDS / 60:g} minutes of {PER_S} records/s ({heard:.0f} of {sent:.0f} heard)"
    yield Row(text, end / 1e6, begin / 1e6, "MB", f"grows ≤ {MAX_GROWTH_MB} MB", holds)


def run(path: str, url: str) -> None:
    """Prints records sent, resident bytes after a fifth of the time and at the end, and records lost."""
    buffer = Buffer(Path(path), model="m", cap_bytes=CAP_BYTES)
    transport = open_transport(url, client_id="bench")
    sync = Sync(transport, buffer, Identity("bench", "", "", buffer.boot_id, "m", 1, ("a",)), predictions=True)
    sync.start()
    began, seq, early = time.monotonic(), 0, 0
    while (elapsed := time.monotonic() - began) < SECONDS:
        while seq < elapsed * PER_S:
            buffer.append(Record(seq, time.monotonic_ns(), time.time_ns(), 900, seq % 97 / 97, seq % 2, 0))
            seq += 1
        buffer.tick()
        if not early and elapsed > SECONDS / 5:
            early = resident_bytes()
        time.sleep(0.01)
    late = resident_bytes()
    buffer.commit()
    until = time.monotonic() + 20
    while buffer.state().pending and time.monotonic() < until:
        time.sleep(0.1)
        buffer.commit()
    sync.stop(5.0)
    state = buffer.state()
    sys.stdout.write(f"{seq} {early} {late} {state.lost + state.evicted_undelivered}\n")
    buffer.close()
