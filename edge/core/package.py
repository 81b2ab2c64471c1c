"""The distribution that this program was installed from: its name, its version, and the way to add an extra to it."""

from __future__ import annotations

import json
from importlib import metadata

from edge.core.uri_options import without_password

NAME = "edgeline"
"""Name of the distribution on PyPI. The import name is ``edge``."""


def version() -> str:
    """Version of the installed distribution; empty in a source tree that is not installed."""
    try:
        return metadata.version(_installed())
    except metadata.PackageNotFoundError:
        return ""


def install_hint(extra: str) -> str:
    """Command that installs what ``extra`` needs, from where this distribution was installed from.

    Source: ``direct_url.json`` of the PyPA specification "Recording the Direct URL Origin of installed
    distributions".
    """
    name = _installed()
    try:
        origin = json.loads(metadata.distribution(name).read_text("direct_url.json") or "{}")
    except (metadata.PackageNotFoundError, ValueError):
        origin = {}
    url = without_password(str(origin.get("url", "")))
    if not url:
        return f"pip install '{name}[{extra}]'"
    if "dir_info" in origin:
        editable = "--editable " if origin["dir_info"].get("editable") else ""
        return f"pip install {editable}'{url.removeprefix('file://')}[{extra}]'"
    return f"pip install '{name}[{extra}] @ {url}'"


def _installed() -> str:
    """Name of the distribution that really brought this package: a plant may build it under a name of its own."""
    names = metadata.packages_distributions().get("edge", [])
    return NAME if NAME in names or not names else names[0]
