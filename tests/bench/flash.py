"""What it takes to flash twenty devices instead of one, and what a connection that drops costs.

The devices are processes of this machine: their commands (three starts of Python each) share its cores, where real
devices have their own. So the ratio of twenty to one is the worst case.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from edge.fleet.ssh.transfer import WINDOW
from edge.inference.artifact.artifact import MANIFEST
from edge.inference.artifact.container import append_files
from edge.inference.artifact.manifest import InputSpec, Manifest, OutputSpec
from edge.trust.keys import PrivateKey
from edge.trust.signing import signed
from tests.bench.setting import Setting
from tests.bench.timing import Row
from tests.support.ssh_targets import Fleet
from tests.support.sshd import Sshd
from tests.support.tcp_proxy import CuttingProxy

MODEL = Path(__file__).parents[1] / "data" / "colour.tflite"
COUNT = 20
SIZE = 3_000_000


def rows(setting: Setting) -> Iterator[Row]:
    folder = setting.folder / "flash"
    folder.mkdir()
    key = PrivateKey.new()
    sshd = Sshd(folder)
    fleet = Fleet(sshd, _artifact(key, 1), key.public)
    sshd.start()
    try:
        yield _many(fleet, folder / "many.tflite", key)
        yield _cut(fleet, folder / "cut.tflite", key)
    finally:
        sshd.stop()


def _many(fleet: Fleet, path: Path, key: PrivateKey) -> Row:
    path.write_bytes(_artifact(key, 2))
    names = [f"line-{number}" for number in range(COUNT + 1)]
    for name in names:
        fleet.add(name)
    one = _seconds(fleet, path, names[:1])
    all_of_them = _seconds(fleet, path, names[1:])
    name = f"edge flash, {SIZE / 1e6:.0f} MB: {COUNT} devices at once, against one"
    return Row(name, all_of_them, one, "s", f"ratio < {COUNT}", all_of_them < COUNT * one)


def _seconds(fleet: Fleet, path: Path, names: list[str]) -> float:
    began = time.perf_counter()
    done = fleet.flash(path, *names, "--parallel", COUNT)
    assert done.status == 0, done.out + done.err
    return time.perf_counter() - began


def _cut(fleet: Fleet, path: Path, key: PrivateKey) -> Row:
    """The connection is cut once, half-way."""
    path.write_bytes(_artifact(key, 3))
    size = path.stat().st_size
    with closing(CuttingProxy(fleet.sshd.port, size // 2)) as proxy:
        fleet.add("cut", Port=proxy.port)
        done = fleet.flash(path, "cut", "--json")
    assert (done.status, proxy.cuts) == (0, 1), done.out + done.err
    sent = int(json.loads(done.out)["sent_bytes"])
    name = f"edge flash, cut at {size / 2e6:.1f} MB of {size / 1e6:.1f}: bytes sent, against the artifact's"
    return Row(name, sent / 1e6, size / 1e6, "MB", f"≤ {WINDOW / 1e3:.0f} kB more", sent <= size + WINDOW)


def _artifact(key: PrivateKey, version: int) -> bytes:
    """A signed one of a tiny model; what fills it up cannot be compressed."""
    model, padding = MODEL.read_bytes(), os.urandom(SIZE)
    manifest = Manifest(
        model="colour",
        version=version,
        created="2026-01-01T00:00:00Z",
        input=InputSpec(8, 8, 3, "uint8"),
        output=OutputSpec(3, "uint8"),
        flatbuffer_sha256=hashlib.sha256(model).hexdigest(),
        files={"padding.bin": hashlib.sha256(padding).hexdigest()},
    )
    return signed(append_files(model, {"padding.bin": padding, MANIFEST: manifest.to_json()}), key)
