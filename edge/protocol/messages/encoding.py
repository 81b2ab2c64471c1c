"""Messages as JSON in UTF-8, and back from data that anybody may have sent.

Text holds nothing that a terminal would obey, numbers are finite and fit 64 bits.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

from edge.core.histogram import Distribution
from edge.core.structs import build, plain
from edge.errors import ConfigError, MessageError
from edge.protocol.messages.kinds import INT64, KINDS, MAX_NAME, Health, Message, Predictions
from edge.protocol.record import Record

MAX_BYTES = 1 << 20
"""A longer message is refused unread."""
MAX_DEPTH = 16
_SMALL = -(1 << 62)
# Control characters, directional overrides, and lone surrogates, which no database takes.
_UNFIT = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def encode(message: Message) -> bytes:
    """Compact JSON. NaN and infinities become null, for JSON has no word for them."""
    if isinstance(message, Predictions):
        # Records by hand: plain() would look at each of some thousand numbers. Six digits are what float32 holds.
        fields = {name: plain(getattr(message, name)) for name in _PREDICTIONS_HEAD}
        fields["records"] = [(*r[:4], round(r.score, 6), *r[5:]) for r in message.records]
    else:
        fields = plain(message)
    try:
        return _dump(fields)
    except ValueError:
        return _dump(_finite(fields))


def decode(kind: str, data: bytes) -> Message:
    """The inverse of :func:`encode`, for data that anybody may have sent. Raises MessageError."""
    if kind not in KINDS:
        raise MessageError(f"{kind!r} is not a kind of message; known are {', '.join(KINDS)}")
    fields = _load(kind, data)
    if kind == "predictions":
        fields["records"] = _records(fields.get("records"))
    try:
        message = build(KINDS[kind], fields, kind, strict=False)
    except ConfigError as error:
        raise MessageError(str(error)) from None
    _check_names(kind, message)
    if isinstance(message, Health):
        _check_histograms(message)
    return message


_PREDICTIONS_HEAD = [name for name in Predictions.__dataclass_fields__ if name != "records"]


def _dump(fields: Any) -> bytes:
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _load(kind: str, data: bytes) -> dict[str, Any]:
    if len(data) > MAX_BYTES:
        raise MessageError(f"{kind}: {len(data)} bytes, at most {MAX_BYTES} are read")
    try:
        fields = json.loads(data.decode(), parse_constant=_refuse_constant)
    except RecursionError:
        raise MessageError(f"{kind}: nested deeper than {MAX_DEPTH} levels") from None
    except ValueError as error:
        raise MessageError(f"{kind}: not JSON in UTF-8: {error}") from None
    if not isinstance(fields, dict):
        raise MessageError(f"{kind}: expected a JSON object, got {type(fields).__name__}")
    _check(kind, fields, 1)
    return fields


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number in JSON")


def _check(kind: str, value: Any, depth: int) -> None:
    """Checks what no field's type says: depth, finite and storable numbers, text that a terminal or a page can
    show."""
    if isinstance(value, str):
        if _UNFIT.search(value):
            raise MessageError(f"{kind}: control characters in {value[:40]!r}")
    elif isinstance(value, int):
        if not -INT64 <= value <= INT64:
            raise MessageError(f"{kind}: a whole number beyond 64 bits")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise MessageError(f"{kind}: a number too large to be told from infinity")
    elif isinstance(value, list | dict):
        if depth > MAX_DEPTH:
            raise MessageError(f"{kind}: nested deeper than {MAX_DEPTH} levels")
        _check_all(kind, value, depth)


def _check_all(kind: str, container: list[Any] | dict[str, Any], depth: int) -> None:
    if isinstance(container, dict):
        for key in container:
            _check(kind, key, depth)
        container = list(container.values())
    for item in container:
        if type(item) is not int or not _SMALL < item < -_SMALL:  # most of all are small numbers
            _check(kind, item, depth + 1)


def _check_names(kind: str, message: Message) -> None:
    for name in ("device", "boot_id", "site", "line", "model"):
        value = getattr(message, name)
        if len(value) > MAX_NAME or (not value and name in ("device", "boot_id")):
            raise MessageError(f"{kind}.{name}: expected 1 to {MAX_NAME} characters, got {len(value)}")


def _check_histograms(health: Health) -> None:
    for i, camera in enumerate(health.cameras):
        try:
            Distribution.from_sparse(camera.histogram.buckets, 0, 0)
        except ValueError as error:
            raise MessageError(f"health.cameras[{i}].histogram.buckets: {error}") from None


def _records(rows: Any) -> tuple[Record, ...]:
    if not isinstance(rows, list):
        raise MessageError("predictions.records: expected a list")
    return tuple(_record(row, i) for i, row in enumerate(rows))


def _record(row: Any, i: int) -> Record:
    # A newer device may append to a record.
    if not isinstance(row, list) or len(row) < len(Record._fields):
        raise MessageError(f"predictions.records[{i}]: expected {', '.join(Record._fields)}")
    record = Record._make(row[: len(Record._fields)])
    if record.score is None:
        record = record._replace(score=math.nan)
    whole = (*record[:4], *record[5:])
    if type(record.score) not in (int, float) or any(type(n) is not int or n < 0 for n in whole):
        raise MessageError(f"predictions.records[{i}]: expected whole numbers from 0 on and a score, got {row!r:.60}")
    return record
