"""Asking a device for its offer over SSH."""

from __future__ import annotations

import json

from edge.errors import FlashError
from edge.flash.client import Client
from edge.flash.offer import Offer
from edge.flash.parcel import Parcel
from edge.flash.remote import Remote
from edge.typed import build


def ask(client: Client, remote: Remote, parcel: Parcel | None, until: float) -> Offer:
    """Raises FlashError and what is below it; see :meth:`Client.session`."""
    answer = client.run(remote.offer(parcel), until)
    if answer.status:
        raise FlashError(remote.explain(answer.status, answer.complaint))
    return parse_offer(answer.text)


def parse_offer(text: str) -> Offer:
    """Of the last line that is an object: a shell's start-up files may print, too. Raises FlashError."""
    for line in reversed(text.splitlines()):
        if line.startswith("{"):
            try:
                return build(Offer, json.loads(line), strict=False)
            except ValueError as error:
                raise FlashError(f"its answer is not understood ({error}); update its edge-sdk") from None
    raise FlashError("it says nothing; expected the answer of 'edge slots offer'")
