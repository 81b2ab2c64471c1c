"""Topic names: ``<root>/v1/<device>/<kind>``, for drift and stats followed by ``/<model>``.

The device stands second, so that a broker's ACL can hold each device to its own branch.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge.errors import ConfigError, MessageError
from edge.protocol.messages import MAX_NAME

VERSION = "v1"
PER_MODEL = ("drift", "stats")
PER_DEVICE = ("status", "health", "predictions", "event", "audit", "slots")
COMMANDS, ANSWERS = "cmd", "ack"
"""Where a device listens, and where it answers, or below; not for monitors."""
DESIRED = "desired"
"""Below a device or a group: the model that a roll-out wants there. See :mod:`edge.fleet.rollout`."""
_GROUP, _MODEL = "@group", "@model"
"""In the place of a device; no device is called so."""
PRESENT = ("/status", "/slots")
"""Ends of the topics whose retained message tells the present."""
MAX_ROOT = 256


@dataclass(frozen=True, slots=True)
class TopicAddress:
    """Parts of a topic; ``model`` is empty for kinds that belong to the device."""

    device: str
    kind: str
    model: str = ""


def check_name(name: str, what: str) -> str:
    """``name``, fit to be one level of a topic. Raises ConfigError."""
    if not _is_name(name):
        raise ConfigError(
            f"{what}: expected 1 to {MAX_NAME} printable characters without + # / and spaces, got {name!r:.80}"
        )
    return name


def check_root(root: str) -> str:
    """``root``, fit to begin a topic; it may have several levels (``plant/area/edge``). Raises ConfigError."""
    if len(root) > MAX_ROOT or root.startswith("$") or not all(map(_is_name, root.split("/"))):
        raise ConfigError(f"root: expected topic levels such as edge or plant/edge, got {root!r:.80}")
    return root


def topic(root: str, device: str, kind: str, model: str = "") -> str:
    """The topic of a kind of message. Raises ConfigError when a name does not fit into one."""
    base = f"{check_root(root)}/{VERSION}/{_check_device(device)}/{kind}"
    if kind in PER_MODEL:
        return f"{base}/{check_name(model, 'model')}"
    if kind in PER_DEVICE:
        return base
    raise ConfigError(f"kind: expected one of {', '.join(PER_MODEL + PER_DEVICE)}, got {kind!r}")


def command_topic(root: str, device: str, kind: str) -> str:
    """``kind`` is COMMANDS or ANSWERS. Raises ConfigError."""
    return f"{check_root(root)}/{VERSION}/{_check_device(device)}/{kind}"


def desired_topic(root: str, device: str) -> str:
    """Raises ConfigError."""
    return command_topic(root, device, DESIRED)


def group_topic(root: str, group: str) -> str:
    """Topic of what is desired on all devices of a group. Raises ConfigError."""
    return f"{check_root(root)}/{VERSION}/{_GROUP}/{check_name(group, 'group')}/{DESIRED}"


def chunk_topic(root: str, sha256: str, number: int) -> str:
    """Topic of a part of an artifact, by the artifact's digest. Raises ConfigError."""
    return f"{check_root(root)}/{VERSION}/{_MODEL}/{check_name(sha256, 'sha256')}/{number}"


def complete_topic(root: str, sha256: str) -> str:
    """Where a sender notes that all chunks of an artifact are there. Raises ConfigError."""
    return f"{check_root(root)}/{VERSION}/{_MODEL}/{check_name(sha256, 'sha256')}/complete"


def parse(root: str, topic: str) -> TopicAddress:
    """The inverse of :func:`topic`. Raises MessageError."""
    start = f"{root}/{VERSION}/"
    if topic.startswith(start):
        match topic.removeprefix(start).split("/"):
            case [device, kind] if kind in PER_DEVICE and _is_device(device):
                return TopicAddress(device, kind)
            case [device, kind, model] if kind in PER_MODEL and _is_device(device) and _is_name(model):
                return TopicAddress(device, kind, model)
    raise MessageError(f"topic {topic!r:.120} is not one of {start}<device>/<kind>")


def filters(root: str, share: str = "") -> list[str]:
    """Filters that a monitor subscribes to. With a ``share``, the monitors that name the same one get each message
    once between them; what is retained and tells the present goes to each, for nothing retained comes to a share.
    """
    base = f"{check_root(root)}/{VERSION}/+"
    kinds = [f"{base}/{kind}" for kind in PER_DEVICE] + [f"{base}/{kind}/+" for kind in PER_MODEL]
    if not share:
        return kinds
    prefix = f"$share/{check_name(share, 'share')}/"
    return [topic if topic.endswith(PRESENT) else prefix + topic for topic in kinds]


def _check_device(name: str) -> str:
    if name.startswith("@"):
        raise ConfigError(f"device: expected a name that does not begin with @, got {name!r:.80}")
    return check_name(name, "device")


def _is_device(name: str) -> bool:
    return _is_name(name) and not name.startswith("@")


def _is_name(name: str) -> bool:
    return 0 < len(name) <= MAX_NAME and name.isprintable() and not any(c in "+#/" or c.isspace() for c in name)
