"""Two programs of the network test. ``near``: broker, monitor and the cable; ``far``: a device at its other end."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from deploy.mosquitto.local import Mosquitto
from edge.core.backoff import Backoff
from edge.device.buffer import Buffer
from edge.device.sync import Sync, open_transport
from edge.monitor import Store, Subscriber
from edge.protocol.broker import Broker
from edge.protocol.messages import Identity
from edge.protocol.record import Record
from tests.support.lossy_link import FAR, NEAR, Cable, FarHost, open_tun

DEVICE, RECORDS, WITHIN_S, PORT = "far-1", 20_000, 60.0, 1883


def near(loss: float, delay_s: float) -> None:
    """Runs the far host over a cable this bad; prints what came of it as JSON."""
    cable_end = open_tun(NEAR, FAR)
    with tempfile.TemporaryDirectory() as place:
        broker = Mosquitto(Path(place), {"listener": f"{PORT} 0.0.0.0"})
        broker.port = PORT
        broker.start()
        store = Store(Path(place) / "monitor.db")
        ear = Subscriber(Broker.parse(f"mqtt://127.0.0.1:{PORT}"), store)
        ear.connect()
        command = [sys.executable, "-m", "tests.support.lossy_network", "far", f"mqtt://{NEAR}:{PORT}", place]
        host = FarHost(command)
        cable = Cable(cable_end, host.cable, loss=loss, delay_s=delay_s, jitter_s=delay_s / 2)
        until = time.monotonic() + WITHIN_S
        while store.count("predictions", DEVICE) < RECORDS and time.monotonic() < until:
            ear.poll(0.1)
        status = host.wait()
        ear.poll(0.5)
        found = [record.seq for _, record in store.records(DEVICE)]
        complete = found == list(range(RECORDS)) and not store.set_aside()
        result = {"complete": complete, "found": len(found), "lost": cable.lost, "carried": cable.carried}
        sys.stdout.write(json.dumps(result | {"device": status}) + "\n")
        cable.stop()
        ear.close()
        store.close()
        broker.stop()


def far(url: str, place: str) -> None:
    """Records, and ends with status 0 when all of it was acknowledged."""
    with closing(Buffer(Path(place) / "buffer.db", model="m", commit_s=0.1)) as buffer:
        identity = Identity(DEVICE, "", "", buffer.boot_id, "m", 1, ("a",))
        transport = open_transport(url, client_id=DEVICE)
        sync = Sync(transport, buffer, identity, predictions=True, backoff=Backoff(0.1, 0.5))
        sync.start()
        for seq in range(RECORDS):
            buffer.append(Record(seq, time.monotonic_ns(), time.time_ns(), 900, 0.5, 0, 0))
        buffer.commit()
        until = time.monotonic() + WITHIN_S
        while buffer.state().pending and time.monotonic() < until:
            time.sleep(0.05)
            buffer.tick()
        sync.stop()
        sys.exit(1 if buffer.state().pending else 0)


if __name__ == "__main__":
    if sys.argv[1] == "near":
        near(float(sys.argv[2]), float(sys.argv[3]))
    else:
        far(*sys.argv[2:4])
