"""Topic names: ``<root>/v1/<device>/<kind>``, for drift and stats followed by ``/<model>``.

The device stands second, so that a broker's ACL can hold each device to its own branch.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge.errors import ConfigError, MessageError
from edge.messages import MAX_NAME

VERSION = "v1"
PER_MODEL = ("drift", "stats")
PER_DEVICE = ("status", "health", "predictions", "event", "audit", "slots")
COMMANDS, ANSWERS = "cmd", "ack"
"""Where a device listens, and where it answers, or below; not for monitors."""
MAX_ROOT = 256


@dataclass(frozen=True, slots=True)
class Address:
    """What a topic says; ``model`` is empty for kinds that belong to the device."""

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
    base = f"{check_root(root)}/{VERSION}/{check_name(device, 'device')}/{kind}"
    if kind in PER_MODEL:
        return f"{base}/{check_name(model, 'model')}"
    if kind in PER_DEVICE:
        return base
    raise ConfigError(f"kind: expected one of {', '.join(PER_MODEL + PER_DEVICE)}, got {kind!r}")


def command_topic(root: str, device: str, kind: str) -> str:
    """``kind`` is COMMANDS or ANSWERS. Raises ConfigError."""
    return f"{check_root(root)}/{VERSION}/{check_name(device, 'device')}/{kind}"


def parse(root: str, topic: str) -> Address:
    """The inverse of :func:`topic`. Raises MessageError."""
    start = f"{root}/{VERSION}/"
    if topic.startswith(start):
        match topic.removeprefix(start).split("/"):
            case [device, kind] if kind in PER_DEVICE and _is_name(device):
                return Address(device, kind)
            case [device, kind, model] if kind in PER_MODEL and _is_name(device) and _is_name(model):
                return Address(device, kind, model)
    raise MessageError(f"topic {topic!r:.120} is not one of {start}<device>/<kind>")


def filters(root: str) -> list[str]:
    """What a monitor subscribes to."""
    base = f"{check_root(root)}/{VERSION}/+"
    return [f"{base}/{kind}" for kind in PER_DEVICE] + [f"{base}/{kind}/+" for kind in PER_MODEL]


def _is_name(name: str) -> bool:
    return 0 < len(name) <= MAX_NAME and name.isprintable() and not any(c in "+#/" or c.isspace() for c in name)
