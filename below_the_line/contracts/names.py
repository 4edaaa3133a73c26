"""What a record calls its event, as far as that can be read: also of a record that is rejected.

For finding and counting dead letters. ``decoder`` alone says what an event is.
"""

import json
from typing import Any, NamedTuple

import orjson

from below_the_line.contracts.envelope import MAX_NAME_BYTES
from below_the_line.contracts.events import Record
from below_the_line.contracts.strict_json import MAX_BYTES


class EventNames(NamedTuple):
    """CloudEvents ``source``, ``type`` and ``id`` of a record.

    Each is None if it cannot be read, is empty, or has more than 200 bytes, U+0000 or a lone
    surrogate.
    """

    source: str | None
    event_type: str | None
    event_id: str | None


_UNREADABLE = EventNames(None, None, None)


def event_names(record: Record) -> EventNames:
    """Return the names of a record's event: of its ``ce_*`` headers in binary mode, else of the
    JSON object in its value. Never raises.
    """
    headers: dict[str, bytes | None] = {}
    for name, value in record.headers:
        # Of a header that is given twice the first counts.
        headers.setdefault(name, value)
    is_structured = (
        (headers.get("content-type") or b"").lower().startswith(b"application/cloudevents")
    )
    attributes: Any
    if not is_structured and any(name.startswith("ce_") for name in headers):
        attributes = {name[3:]: value for name, value in headers.items() if name.startswith("ce_")}
    else:
        raw = record.value
        if not raw or len(raw) > MAX_BYTES:
            return _UNREADABLE
        attributes = _parsed(raw)
        if not isinstance(attributes, dict):
            return _UNREADABLE
    return EventNames(*(_text(attributes.get(name)) for name in ("source", "type", "id")))


def _parsed(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        # More lenient: lone surrogates and large numbers do not hide the names.
        try:
            return json.loads(raw)
        except (ValueError, RecursionError):
            return None


def _text(value: object) -> str | None:
    if isinstance(value, bytes):
        try:
            value = value.decode()
        except UnicodeDecodeError:
            return None
    if not isinstance(value, str) or not value or "\0" in value:
        return None
    try:
        return value if len(value.encode()) <= MAX_NAME_BYTES else None
    except UnicodeEncodeError:
        return None
