"""Prints the AsyncAPI document that ``asyncapi.json`` holds: ``python -m edge.protocol.schemas``."""

from __future__ import annotations

import json
import sys

from edge.protocol.schemas import document

if __name__ == "__main__":
    sys.stdout.write(json.dumps(document(), indent=2, ensure_ascii=False) + "\n")
