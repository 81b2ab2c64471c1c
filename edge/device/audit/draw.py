"""Which parts belong to the random sample: every replica that knows a part's name comes to the same."""

from __future__ import annotations

from hashlib import blake2b

KEY = b"edge audit 1"
_BITS = 53
"""Bits that a float holds exactly."""


class Draw:
    """A number from 0 to 1 (excluded) for each part of one camera in one boot.

    Parts whose draw is below a share are a random sample of that share, as the hash (BLAKE2b, RFC 7693, keyed) knows
    nothing of the picture. A smaller share's sample is part of a larger one's.
    """

    def __init__(self, device: str, boot_id: str, camera: str) -> None:
        # Names hold no NUL, so different ones give different texts.
        self._prefix = blake2b("\0".join((device, boot_id, camera, "")).encode(), digest_size=8, key=KEY)

    def __call__(self, part: int) -> float:
        state = self._prefix.copy()
        state.update(part.to_bytes(8, "little"))
        return float(int.from_bytes(state.digest(), "little") >> (64 - _BITS)) / (1 << _BITS)
