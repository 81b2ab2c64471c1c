"""Asking a device for its offer over SSH."""

from __future__ import annotations

from edge.core.structs import build
from edge.errors import ConfigError, FlashError
from edge.fleet.bundle import Bundle
from edge.fleet.ssh.client import Client
from edge.fleet.ssh.remote_cli import RemoteCli
from edge.protocol.inventory import Inventory, last_object


def ask(client: Client, remote: RemoteCli, bundle: Bundle | None, until: float) -> Inventory:
    """Raises FlashError and what is below it; see :meth:`Client.session`."""
    answer = client.run(remote.offer(bundle), until)
    if answer.status:
        raise FlashError(remote.explain(answer.status, answer.complaint))
    return parse_inventory(answer.text)


def parse_inventory(text: str) -> Inventory:
    """Raises FlashError."""
    found = last_object(text)
    if found is None:
        raise FlashError("it says nothing; expected the answer of 'edge slots offer'")
    try:
        return build(Inventory, found, strict=False)
    except ConfigError as error:
        raise FlashError(f"its answer is not understood ({error}); update its edgeline") from None
