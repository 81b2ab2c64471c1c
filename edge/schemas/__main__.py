"""``python -m edge.schemas`` prints the AsyncAPI document, as ``edge/schemas/asyncapi.json`` holds it."""

from __future__ import annotations

import json
import sys

from edge.schemas import document

if __name__ == "__main__":
    sys.stdout.write(json.dumps(document(), indent=2, ensure_ascii=False) + "\n")
