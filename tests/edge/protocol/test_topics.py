import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import ConfigError, MessageError
from edge.protocol.topics import (
    PER_DEVICE,
    PER_MODEL,
    TopicAddress,
    check_root,
    chunk_topic,
    complete_topic,
    desired_topic,
    filters,
    group_topic,
    parse,
    topic,
)

GOOD = st.text(min_size=1, max_size=64).filter(
    lambda s: s.isprintable() and not set(s) & set("+#/ ") and not s.isspace() and not s.startswith("@")
)


def test_the_device_stands_second_under_the_root() -> None:
    assert topic("plant/edge", "oven-3", "drift", "cookie") == "plant/edge/v1/oven-3/drift/cookie"
    assert topic("edge", "oven-3", "predictions") == "edge/v1/oven-3/predictions"


@given(device=GOOD, model=GOOD, kind=st.sampled_from(PER_DEVICE + PER_MODEL))
def test_parse_is_the_inverse_of_topic(device: str, model: str, kind: str) -> None:
    address = TopicAddress(device, kind, model if kind in PER_MODEL else "")
    assert parse("edge", topic("edge", device, kind, model)) == address


@given(st.text())
def test_a_name_is_one_level_or_refused(name: str) -> None:
    try:
        topic("edge", name, "status")
    except ConfigError:
        return
    assert 1 <= len(name) <= 64
    assert not set(name) & set("+#/\0 \n")
    assert not name.startswith("@")
    assert parse("edge", topic("edge", name, "status")).device == name


def test_roll_outs_have_topics_of_their_own() -> None:
    assert desired_topic("plant/edge", "oven-3") == "plant/edge/v1/oven-3/desired"
    assert group_topic("edge", "ovens") == "edge/v1/@group/ovens/desired"
    assert chunk_topic("edge", "ab", 7) == "edge/v1/@model/ab/7"
    assert complete_topic("edge", "ab") == "edge/v1/@model/ab/complete"


@pytest.mark.parametrize("name", ["", "@group", "a+b", "#", "a/b", "a\0b", "a b", "x" * 65, "a\x1bb"])
def test_a_name_that_would_break_a_topic_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="device"):
        topic("edge", name, "status")


@pytest.mark.parametrize("root", ["", "/edge", "edge/", "edge//a", "$SYS", "edge/#", "a/" * 130 + "a"])
def test_a_root_that_would_break_a_topic_is_refused(root: str) -> None:
    with pytest.raises(ConfigError, match="root"):
        check_root(root)


@pytest.mark.parametrize(
    "stranger",
    [
        "",
        "edge/v1",
        "edge/v2/d/status",
        "edge/v1/d/status/m",
        "edge/v1/d/drift",
        "edge/v1//status",
        "edge/v1/d/cmd",
        "edge/v1/d/desired",
        "edge/v1/@group/drift/desired",
        "edge/v1/@group/status",
        "x/v1/d/status",
    ],
)
def test_a_topic_of_somebody_else_is_refused(stranger: str) -> None:
    with pytest.raises(MessageError):
        parse("edge", stranger)


def test_a_monitor_subscribes_to_every_kind_once() -> None:
    assert sorted(f.split("/")[3] for f in filters("edge")) == sorted(PER_DEVICE + PER_MODEL)
