"""libFuzzer with AddressSanitizer and UndefinedBehaviorSanitizer against the whole controller, from the byte on."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from edge.gates.controller.protocol import (
    KINDS,
    ControllerConfig,
    ControllerMessage,
    Fire,
    Heartbeat,
    Hello,
    Pass,
    Received,
    Reject,
    encode,
    number_of,
)
from tests.firmware_stubs.building import build

pytestmark = pytest.mark.slow

RUNS = 8000
"""Inputs. Begun with whole conversations, they reach as much (277 to 280 edges) as 142,000 that had begun with three
single messages (273)."""
SECONDS = int(os.environ.get("FUZZ_SECONDS", "0"))
"""Longer than RUNS take."""
MAX_BYTES = 512
SESSION = 7
QUICK = ControllerConfig(
    SESSION, distance=2, pulse=3, eye_gap=1, eye_blocked=2, silence_ms=1, feedback_ms=1, late=0, failsafe=0
)
CONVERSATIONS: tuple[Sequence[ControllerMessage], ...] = (
    (Hello(1, SESSION),),
    (
        *(Hello(1, SESSION), QUICK, Heartbeat(SESSION), Reject(SESSION, 1, 3), Pass(SESSION, 2, 4)),
        *(Reject(SESSION, 2, 4), Received(SESSION, 0), Received(SESSION, 1), Fire(SESSION)),
    ),
    (Hello(1, SESSION), QUICK._replace(late=1, failsafe=1), *[Heartbeat(SESSION)] * 10),
    (
        *(Hello(1, SESSION), QUICK._replace(distance=100), Heartbeat(SESSION)),
        *(Reject(SESSION, 0, 100), Pass(SESSION, 1, 101), QUICK._replace(distance=50)),
    ),
    (
        *(Hello(2, SESSION), Hello(1, 0), QUICK._replace(session=9), QUICK._replace(distance=0)),
        *(Fire(9), Reject(9, 0, 1), Received(9, 1)),
    ),
)


def inputs() -> Iterator[bytes]:
    """Yields each conversation twice, as the two ways in which ``host/fuzz.c`` reads an input."""
    layouts = {kind.cls: kind.layout for kind in KINDS}
    for messages in CONVERSATIONS:
        yield b"\0" + b"".join(encode(message, seq) for seq, message in enumerate(messages))
        payloads = [(number_of(type(message)), layouts[type(message)].pack(*message)) for message in messages]
        yield b"\1" + b"".join(bytes((number, len(payload))) + payload for number, payload in payloads)


def test_nothing_on_the_line_breaks_the_controller(tmp_path: Path) -> None:
    program = build("fuzz", "clang") / "fuzz"
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number, data in enumerate(inputs()):
        assert len(data) <= MAX_BYTES
        (corpus / str(number)).write_bytes(data)
    budget = f"-max_total_time={SECONDS}" if SECONDS else f"-runs={RUNS}"
    done = subprocess.run(
        [program, "-seed=1", budget, f"-max_len={MAX_BYTES}", "-len_control=0", "-print_final_stats=1", corpus],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=SECONDS + 240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    runs = re.search(r"number_of_executed_units: (\d+)", done.stderr)
    begun = re.search(r"INITED +cov: (\d+)", done.stderr)
    reached = re.search(r"DONE +cov: (\d+)", done.stderr)
    assert runs and begun and reached
    assert int(runs[1]) >= (1000 if SECONDS else RUNS)
    assert int(reached[1]) > int(begun[1]), "edges that no conversation reached by itself"
