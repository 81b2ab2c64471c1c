"""Asking a device for its offer over SSH."""

from __future__ import annotations

from edge.errors import ConfigError, FlashError
from edge.flash.client import Client
from edge.flash.offer import Offer, last_object
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
    """Raises FlashError."""
    found = last_object(text)
    if found is None:
        raise FlashError("it says nothing; expected the answer of 'edge slots offer'")
    try:
        return build(Offer, found, strict=False)
    except ConfigError as error:
        raise FlashError(f"its answer is not understood ({error}); update its edge-sdk") from None
