"""The suite's core, run again on an emulated Raspberry Pi 4: what judges, keeps, signs and sends.

``make test`` runs a part of it, ``make test-arm64`` (``EDGE_ARM64=all``) all of it.
"""

from __future__ import annotations

import re

import pytest

from tests.system.arm64.board import EVERYTHING, emulated

pytestmark = [pytest.mark.system, pytest.mark.timeout(3600)]

DRIFT = ("detector", "evidently", "features", "pane", "reference", "statistics", "verdict", "wasserstein")
BOUNDED = {
    "model": [
        "tests/edge/inference/artifact",
        "tests/edge/inference/test_preprocess.py",
        "tests/edge/inference/test_resize.py",
        "tests/edge/inference/tasks/test_classification.py",
        "tests/edge/inference/test_model.py",
        "tests/edge/inference/interpreter/test_runtimes.py",
        "tests/edge/inference/interpreter/test_tensors.py",
    ],
}
WHOLE = {
    "state": [
        "tests/edge/protocol/test_record.py",
        "tests/edge/device/buffer/test_buffer.py",
        "tests/edge/device/slots",
        "tests/edge/trust/test_admission.py",
    ],
    "interpreter": [
        "tests/edge/inference/interpreter/test_remembered.py",
        "tests/edge/inference/tuning",
        "tests/edge/inference/test_cascade.py",
    ],
    "line": [
        "tests/edge/device/pipeline",
        "tests/edge/gates",
        "tests/edge/device/test_line.py",
        "tests/edge/device/test_recorder.py",
    ],
    "drift": [f"tests/edge/drift/test_{name}.py" for name in DRIFT],
    "keeping": [
        "tests/edge/device/buffer",
        "tests/edge/trust",
        "tests/edge/device/deployment",
        "tests/edge/device/audit",
    ],
    "sending": [
        "tests/edge/device/sync",
        "tests/edge/protocol/messages/test_messages.py",
        "tests/edge/device/health",
        "tests/edge/device/status",
    ],
    "broker": ["tests/system/test_sync.py", "tests/system/test_transport.py"],
}
GROUPS = BOUNDED | WHOLE if EVERYTHING else BOUNDED
# What the processor cannot change, and what is dear in the emulator; ``make test-arm64`` runs it too.
SPARED = [
    # Hundreds of examples of how bytes are taken apart.
    "tests/edge/inference/artifact/test_artifact.py::test_split_is_the_inverse_of_append",
    "tests/edge/inference/artifact/test_artifact.py::test_damage_anywhere_is_one_clear_error_or_harmless",
    "tests/edge/inference/artifact/test_golden.py::test_damage_anywhere_is_one_clear_error_or_harmless",
    # Sentences about what is missing or given twice, each after a trial in a child process.
    "tests/edge/inference/test_model.py::test_a_foreign_model_must_be_told_what_it_does_not_state",
    "tests/edge/inference/test_model.py::test_the_number_of_labels_must_fit",
    "tests/edge/inference/test_model.py::test_what_the_artifact_states_cannot_be_given_again",
    # A thousand refusals: Python's own bookkeeping of a runtime's words.
    "tests/edge/inference/test_model.py::test_what_a_runtime_keeps_of_its_refusals_does_not_grow_for_months",
]


@pytest.mark.parametrize("group", GROUPS)
def test_what_runs_here_runs_on_the_board(group: str) -> None:
    # Other people's models take minutes in the emulator; test_differences.py runs those that are small.
    choice = ["-m", "not thirdparty and not slow", "-p", "no:cacheprovider", "-p", "no:xdist", "-o", "timeout=1200"]
    spared = [] if EVERYTHING else [f"--deselect={name}" for name in SPARED]
    said = emulated("-m", "pytest", *choice, *spared, *GROUPS[group], timeout_s=3000).stdout
    passed = re.search(r"(\d+) passed", said)
    assert passed, said
    assert int(passed[1]) > 10, said
    assert "skipped" not in said, said
