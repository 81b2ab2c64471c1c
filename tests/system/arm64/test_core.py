"""The suite's core, run again on an emulated Raspberry Pi 4: what judges, keeps, signs and sends.

``make test`` runs a part of it, ``make test-arm64`` (``EDGE_ARM64=all``) all of it.
"""

from __future__ import annotations

import os
import re

import pytest

from tests.system.arm64.board import emulated

pytestmark = [pytest.mark.system, pytest.mark.timeout(3600)]

EVERYTHING = os.environ.get("EDGE_ARM64") == "all"
DRIFT = ("detector", "evidently", "features", "pane", "reference", "statistics", "verdict", "wasserstein")
BOUNDED = {
    "model": [
        "tests/edge/artifact",
        "tests/edge/test_preprocess.py",
        "tests/edge/test_resize.py",
        "tests/edge/test_decide.py",
        "tests/edge/test_model.py",
        "tests/edge/interpreter/test_runtimes.py",
        "tests/edge/interpreter/test_tensors.py",
    ],
}
WHOLE = {
    "state": [
        "tests/edge/test_record.py",
        "tests/edge/buffer/test_buffer.py",
        "tests/edge/slots",
        "tests/edge/trust/test_admission.py",
    ],
    "interpreter": ["tests/edge/interpreter/test_remembered.py", "tests/edge/tuning", "tests/edge/test_chain.py"],
    "line": ["tests/edge/pipeline", "tests/edge/gate", "tests/edge/test_daemon.py", "tests/edge/test_office.py"],
    "drift": [f"tests/edge/drift/test_{name}.py" for name in DRIFT],
    "keeping": ["tests/edge/buffer", "tests/edge/trust", "tests/edge/trial", "tests/edge/audit"],
    "sending": ["tests/edge/sync", "tests/edge/test_messages.py", "tests/edge/health", "tests/edge/status"],
    "broker": ["tests/system/test_sync.py", "tests/system/test_transport.py"],
}
GROUPS = BOUNDED | WHOLE if EVERYTHING else BOUNDED


@pytest.mark.parametrize("group", GROUPS)
def test_what_runs_here_runs_on_the_board(group: str) -> None:
    # Other people's models take minutes in the emulator; test_differences.py runs those that are small.
    choice = ["-m", "not thirdparty and not slow", "-p", "no:cacheprovider", "-p", "no:xdist", "-o", "timeout=1200"]
    said = emulated("-m", "pytest", *choice, *GROUPS[group], timeout_s=3000).stdout
    passed = re.search(r"(\d+) passed", said)
    assert passed, said
    assert int(passed[1]) > 10, said
    assert "skipped" not in said, said
