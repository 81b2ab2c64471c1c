"""Versions of runtimes."""

from __future__ import annotations

from edge.core.versions import older


def test_versions_are_compared_by_their_numbers() -> None:
    assert older("2.4.0", "2.14.0")
    assert older("2.9", "2.14.0")
    assert not older("2.14", "2.14.0")
