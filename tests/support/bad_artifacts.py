"""Models that must never come to judge the line for good, each with what the device is to say of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from edge.inference.artifact.artifact import MANIFEST, SIGNATURE
from edge.inference.artifact.container import append_files, split
from edge.inference.artifact.manifest import InputSpec, Manifest, OutputSpec
from edge.inference.frames.frame import Image
from edge.sim import SimulatedLine
from edge.trust.keys import PrivateKey
from edge.trust.signature import Signature, signed_bytes
from edge.trust.signing import signed
from tests.support.artifacts import DATA, pack

NOW = 10
"""The version that runs; what is tried is newer, but for what is about versions."""


@dataclass(frozen=True)
class Bad:
    """``said``: a part of the reason, as a regular expression."""

    name: str
    data: bytes
    said: str


class Bakery:
    """Artifacts of the cookie model, as the right engineer would make and sign them, or another."""

    def __init__(self, key: PrivateKey) -> None:
        self.key = key
        self._flatbuffer = (DATA / "cookie.tflite").read_bytes()
        line = SimulatedLine.from_uri("sim://line?seed=5")
        self._images: list[Image] = [line.image(part) for part in range(3)]

    def make(
        self,
        version: int = NOW + 1,
        key: PrivateKey | None = None,
        spec: dict[str, Any] | None = None,
        **changes: Any,
    ) -> bytes:
        labels = changes.pop("labels", ("bad", "whole"))
        data = pack(
            self._flatbuffer, self._images, model="cookie", labels=labels, version=version, spec=spec, **changes
        )
        return signed(data, key or self.key)

    @cached_property
    def good(self) -> bytes:
        return self.make()

    def careless(self, flatbuffer: bytes) -> bytes:
        """Somebody signs whatever it is, without ever having run it."""
        manifest = Manifest(
            model="cookie",
            version=NOW + 1,
            created="2026-01-01T00:00:00Z",
            input=InputSpec(64, 64, 3, "uint8"),
            output=OutputSpec(2, "uint8"),
            flatbuffer_sha256=hashlib.sha256(flatbuffer).hexdigest(),
        )
        text = manifest.to_json()
        signature = Signature.of(self.key.id, self.key.sign(signed_bytes(text)))
        return append_files(flatbuffer, {MANIFEST: text, SIGNATURE: signature.to_json()})


def third_party(bakery: Bakery, folder: Path) -> Iterator[Bad]:
    """Files that have brought TFLite's interpreter down, or that it refuses."""
    for path in sorted([*folder.glob("*.bin"), *folder.glob("*.tflite")]):
        yield Bad(path.name, bakery.careless(path.read_bytes()), "")


def damaged(bakery: Bakery) -> Iterator[Bad]:
    """On their way: bits that flipped, and ends that are missing."""
    good = bakery.good
    flatbuffer = len(split(good)[0])
    places = {
        "header": 5,
        "weights": flatbuffer // 2,
        "golden samples": flatbuffer + good[flatbuffer:].index(b"WEBP") + 40,
        "labels": good.rindex(b"bad\nwhole"),
        "manifest": good.index(b'"version":') + 10,
        "signature": good.index(b'"signature":') + 20,
        "directory": good.rindex(b"PK\x01\x02") + 12,
    }
    for name, place in places.items():
        flipped = bytearray(good)
        flipped[place] ^= 4
        yield Bad(f"a bit of the {name}", bytes(flipped), "")
    for name, length in (("half", len(good) // 2), ("the last byte", len(good) - 1), ("all but a header", 24)):
        yield Bad(f"truncated: {name}", good[:length], "")


def untrusted(bakery: Bakery) -> Iterator[Bad]:
    """Whole, but not meant for this device."""
    model, files = split(bakery.good)
    yield Bad(
        "unsigned", append_files(model, {name: data for name, data in files.items() if name != SIGNATURE}), "unsigned"
    )
    yield Bad("unknown key", bakery.make(key=PrivateKey.new()), "unknown key")
    yield Bad("downgraded", bakery.make(version=NOW - 1), "downgrade")
    yield Bad("fast-forward", bakery.make(version=NOW + 10**6), "fast-forward")
    yield Bad("foreign hardware", bakery.make(hardware=("riscv64",)), "made for riscv64")


def wrong(bakery: Bakery) -> Iterator[Bad]:
    """Signed by the right engineer, and wrong."""
    agrees = "agrees with the active model on|rejects"
    yield Bad("swapped channels, golden samples too", bakery.make(spec={"colour": "BGR"}), agrees)
    scale = {"mean": (127.5,), "std": (127.5,)}
    yield Bad("wrong scale, golden samples too", bakery.make(spec=scale), agrees)
    right = Manifest.from_json(split(bakery.good)[1][MANIFEST]).input
    yield Bad("swapped channels", bakery.make(input=replace(right, colour="BGR")), "golden samples come out")
    yield Bad("labels swapped", bakery.make(labels=("whole", "bad")), agrees)
    yield Bad("a label too many", bakery.make(labels=("bad", "whole", "burnt")), "3 labels for 2 classes")
    yield Bad("a label too few", bakery.make(labels=("bad",)), "1 labels for 2 classes")
