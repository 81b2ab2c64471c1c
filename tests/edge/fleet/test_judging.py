"""What is said of a device before and after: refusals without a transfer, and how a trial ended."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edge.core.structs import plain
from edge.errors import ArtifactError, FlashError
from edge.fleet import Bundle
from edge.fleet.preflight import obstacle, runs_it
from edge.fleet.ssh.client import CommandResult
from edge.fleet.ssh.inventory import parse_inventory
from edge.fleet.ssh.outcomes import WAITS, answered, ended
from edge.protocol.inventory import Inventory, RunningModel
from edge.protocol.messages import TrialOutcome
from edge.trust.keys import PrivateKey


@pytest.fixture
def bundle(signed_artifact: Path) -> Bundle:
    return Bundle.load(signed_artifact)


@pytest.fixture
def offer(signing_key: PrivateKey) -> Inventory:
    """Of a device that would take it."""
    return Inventory("line-1", "0.1.0", "aarch64", 1 << 30, keys=(signing_key.id,), daemon=True)


def test_a_parcel_knows_what_it_holds(bundle: Bundle, signed_artifact: Path, signing_key: PrivateKey) -> None:
    assert (bundle.model, bundle.version, bundle.key) == ("colour", 2, signing_key.id)
    assert bundle.data == signed_artifact.read_bytes()
    assert str(bundle) == "colour v2"


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda data: data[:-1], "its end is missing"),
        (lambda data: data[:100], "colour-2.tflite: "),
        (lambda data: b"x" * 100, "not a TFLite model"),
        (lambda data: data + b"more", "colour-2.tflite: "),
        (lambda data: data[:2000] + bytes([data[2000] ^ 1]) + data[2001:], "SHA-256"),
    ],
)
def test_what_no_device_would_take_is_refused_before_anything_is_sent(
    signed_artifact: Path, spoil: Callable[[bytes], bytes], says: str
) -> None:
    signed_artifact.write_bytes(spoil(signed_artifact.read_bytes()))
    with pytest.raises(ArtifactError, match=says):
        Bundle.load(signed_artifact)


def test_a_foreign_model_is_refused(colour_model: Path) -> None:
    with pytest.raises(ArtifactError, match="'edge convert' wraps"):
        Bundle.load(colour_model)


def test_a_device_that_fits_has_no_obstacle(bundle: Bundle, offer: Inventory) -> None:
    assert obstacle(bundle, offer) == ""
    assert not runs_it(bundle, offer)
    assert runs_it(bundle, replace(offer, runs=RunningModel(sha256=bundle.sha256)))


def test_each_obstacle_is_said_with_the_way_out(bundle: Bundle, offer: Inventory) -> None:
    unsigned = replace(bundle, key="")
    short = replace(offer, free_bytes=bundle.size)
    assert "convert for it" in obstacle(replace(bundle, hardware=("x86_64",)), offer)
    assert "sign it with" in obstacle(unsigned, offer)
    assert obstacle(unsigned, replace(offer, require_signature=False)) == ""
    assert "this device trusts none" in obstacle(bundle, replace(offer, keys=()))
    assert "free some" in obstacle(bundle, short)
    assert "slot B is on trial" in obstacle(bundle, replace(offer, trial="B", trial_sha256="0" * 64))
    assert obstacle(bundle, replace(offer, trial="B", trial_sha256=bundle.sha256)) == ""
    assert obstacle(bundle, replace(offer, problem="away")) == "away"


def test_bytes_that_are_there_already_need_no_room(bundle: Bundle, offer: Inventory) -> None:
    tight = replace(offer, free_bytes=(1 << 20) + bundle.size // 2)
    assert obstacle(bundle, tight)
    assert obstacle(bundle, replace(tight, have=bundle.size)) == ""


def test_an_offer_is_found_behind_what_a_shell_prints(offer: Inventory) -> None:
    line = json.dumps(plain(offer) | {"later": 1})
    assert parse_inventory(f"Welcome!\n{{ not json\n{line}\nbye\n") == offer
    with pytest.raises(FlashError, match="says nothing"):
        parse_inventory("Welcome!")
    with pytest.raises(FlashError, match="update its edgeline"):
        parse_inventory('{"device": 3}')


@pytest.mark.parametrize(
    ("said", "result", "reason"),
    [
        ({"result": "committed", "slot": "B"}, "committed", ""),
        ({"result": "active", "slot": "B"}, "committed", ""),
        (
            {"result": "installed", "slot": "B"},
            "installed",
            f"in slot B; {WAITS}",
        ),
        ({"result": "rolled back", "slot": "B", "reason": "p99 900 ms"}, "rolled back", "p99 900 ms"),
    ],
)
def test_the_answer_says_how_the_trial_ended(bundle: Bundle, said: dict[str, str], result: str, reason: str) -> None:
    end = answered(bundle, CommandResult(json.dumps(said), 0, ""))
    assert end is not None
    assert (end.result, end.reason) == (result, reason)
    runs = RunningModel("colour", 2, bundle.sha256, "B") if result == "committed" else None
    assert end.runs == runs


def test_a_refusal_does_not_name_files_of_the_device(bundle: Bundle) -> None:
    said = {
        "result": "refused",
        "reason": f"/var/lib/edge/slots/incoming/{bundle.sha256}.tflite: downgrade: version 2",
    }
    end = answered(bundle, CommandResult(json.dumps(said), 4, ""))
    assert end is not None
    assert (end.result, end.reason) == ("refused", "downgrade: version 2")


def test_a_device_lost_from_view_tells_the_end_by_its_own_memory(bundle: Bundle, offer: Inventory) -> None:
    def outcome(result: str, request: str = "r") -> TrialOutcome:
        return TrialOutcome("colour", 2, bundle.sha256, result, "why", 1, request)

    assert answered(bundle, CommandResult("", 255, "")) is None
    for result in ("committed", "rolled back", "refused"):
        end = ended(bundle, "r", replace(offer, outcome=outcome(result)), None)
        assert end is not None
        assert (end.result, end.reason) == (result, "why")
    old = replace(offer, outcome=outcome("rolled back", "another"))
    assert ended(bundle, "r", old, None) is None, "the end of an earlier trial is not that of this one"
    on_trial = replace(old, trial="B", trial_sha256=bundle.sha256)
    assert ended(bundle, "r", on_trial, None) is None
    waits = ended(bundle, "r", replace(on_trial, daemon=False), None)
    assert waits is not None
    assert waits.result == "installed"
    failed = ended(bundle, "r", old, CommandResult("", 6, "the disk is full"))
    assert failed is not None
    assert (failed.result, failed.reason) == ("failed", "the disk is full")
