"""What the broker tells of the fleet, whatever others have written there."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge.fleet.rollout.fleet import FleetState
from edge.protocol.desired import Desired
from edge.protocol.messages import Slot, SlotsMessage, StatusMessage, TrialOutcome, encode
from edge.protocol.topics import chunk_topic, command_topic, complete_topic, desired_topic, group_topic, topic
from edge.protocol.transport import IncomingMessage

HEAD = {"device": "d1", "boot_id": "b", "seq": 0}
SHA = "ab" * 32


def hear(fleet: FleetState, where: str, payload: bytes) -> None:
    fleet.hear(IncomingMessage(payload, topic=where))


def test_a_device_is_known_by_its_retained_messages() -> None:
    fleet = FleetState("plant/edge", SHA)
    hear(fleet, topic("plant/edge", "d1", "status"), encode(StatusMessage(**HEAD, state="online", groups=("ovens",))))
    member = fleet.members["d1"]
    assert member.online
    assert not member.runs(SHA)
    slots = (Slot("A", "cookie", 2, SHA, "active"), Slot("B"))
    outcome = TrialOutcome("cookie", 2, SHA, "committed", "", 1, "r1")
    hear(
        fleet,
        topic("plant/edge", "d1", "slots"),
        encode(SlotsMessage(**HEAD, active="A", slots=slots, outcome=outcome)),
    )
    assert member.runs(SHA)
    assert member.outcomes["r1"].result == "committed"
    later = TrialOutcome("bread", 9, SHA, "refused", "unsigned", 2, "r2")
    hear(
        fleet,
        topic("plant/edge", "d1", "slots"),
        encode(
            SlotsMessage(
                **HEAD, active="A", trial="B", slots=(slots[0], Slot("B", "x", 1, "cd", "trial")), outcome=later
            )
        ),
    )
    assert not member.runs(SHA)
    assert set(member.outcomes) == {"r1", "r2"}  # a later one does not hide what was waited for


def test_what_is_desired_is_heard_and_taken_back() -> None:
    fleet = FleetState("edge")
    desired = Desired("r1", "cookie", 2, SHA, 5, 1024)
    hear(fleet, desired_topic("edge", "d1"), desired.to_json())
    assert fleet.members["d1"].desired == desired
    hear(fleet, desired_topic("edge", "d1"), b"")
    assert fleet.members["d1"].desired is None


def test_an_upload_is_complete_when_it_says_so() -> None:
    fleet = FleetState("edge", SHA)
    hear(fleet, complete_topic("edge", "cd" * 32), b"4096")
    assert fleet.chunk_bytes == 0
    hear(fleet, complete_topic("edge", SHA), b"4096")
    assert fleet.chunk_bytes == 4096
    hear(fleet, complete_topic("edge", SHA), b"")
    assert fleet.chunk_bytes == 0


@given(
    st.sampled_from(
        [
            "edge/v1/d1/status",
            "edge/v1/d1/slots",
            "edge/v1/d1/desired",
            "edge/v1/@group/desired",
            "edge/v1/",
            "x",
            complete_topic("edge", SHA),
            command_topic("edge", "d1", "cmd"),
            group_topic("edge", "ovens"),
            chunk_topic("edge", SHA, 0),
        ]
    ),
    st.binary(max_size=100) | st.just(b"{}") | st.just(b"\xb2"),
)
def test_nothing_that_others_write_ends_it(where: str, payload: bytes) -> None:
    hear(FleetState("edge", SHA), where, payload)
