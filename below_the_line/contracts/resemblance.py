"""What a record that is wrong looks like, and the usual cure: sentences to append to a message.

Each function returns a sentence that begins with a blank, or an empty text. None repeats what was
sent.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from below_the_line.contracts.spelling import folded
from below_the_line.plurals import counted

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\xef\xbb\xbf", "It begins with a byte order mark: write UTF-8 without one."),
    (b"\xff\xfe", "It looks like UTF-16: write UTF-8."),
    (b"\xfe\xff", "It looks like UTF-16: write UTF-8."),
    (b"\x1f\x8b", "It looks compressed (gzip): let the producer's setting compression.type do it."),
    (
        b"\x28\xb5\x2f\xfd",
        "It looks compressed (zstd): let the producer's setting compression.type do it.",
    ),
    (b"Obj\x01", "It looks like Avro: send JSON."),
    (
        b"\0",
        "It begins like a value of a schema registry (a zero byte, and the schema's id in four"
        " bytes): use a serializer that writes plain JSON.",
    ),
)
_CONNECT = frozenset({"schema", "payload"})
_CONNECT_CURE = (
    " It looks like Kafka Connect's envelope (schema, payload): set json.schemas.enable=false in"
    " the converter (Debezium: also in the CloudEvents converter)."
)
_DATE, _CLOCK = r"[0-9]{4}-[0-9]{2}-[0-9]{2}", r"[0-9]{2}:[0-9]{2}"
_FULL = rf"{_DATE}[Tt]{_CLOCK}:[0-9]{{2}}(\.[0-9]+)?"
_TIMES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), sentence)
    for pattern, sentence in (
        (
            r'".*"',
            "It stands in quotes: the header was written as JSON. Send it as text (in Spring, set"
            " the header to a String).",
        ),
        (r"[0-9]+(\.[0-9]+)?", "It looks like a number of seconds or milliseconds since 1970."),
        (rf"{_DATE} {_CLOCK}.*", "It has a blank where the T belongs."),
        (_DATE, "It is a date without a time."),
        (rf"{_DATE}[Tt]{_CLOCK}(Z|[+-].*)?", "It has no seconds."),
        (_FULL, "It has no offset: append Z if it is in UTC."),
        (rf"{_FULL}[+-][0-9]{{2}}(:?[0-9]{{2}}:?[0-9]{{2}}|[0-9]{{2}})?",
         "Its offset must have hours and minutes, such as +01:00, or be Z."),
        (rf"{_DATE}[Tt]{_CLOCK}:60.*", "A second 60 exists only at 23:59:60 in UTC."),
        (rf"{_FULL}([Zz]|[+-]{_CLOCK})", "There is no such day, hour, minute or second."),
    )
)  # fmt: skip


def of_bytes(raw: bytes) -> str:
    """Of a value that is not JSON, or of a key that is not text."""
    return next((f" {sentence}" for start, sentence in _MAGIC if raw.startswith(start)), "")


def of_object(value: Any) -> str:
    """Of a value or of ``data`` that lacks what an event has."""
    if isinstance(value, dict):
        return _CONNECT_CURE if value.keys() == _CONNECT else ""
    if not isinstance(value, str) or not value.lstrip().startswith(("{", "[")):
        return ""
    try:
        orjson.loads(value)
    except orjson.JSONDecodeError:
        return ""
    return " The text holds JSON: it was serialized twice. Give the SDK an object, not a text."


def of_time(text: str) -> str:
    """Of a text that is not a time as of RFC 3339."""
    return next((f" {sentence}" for form, sentence in _TIMES if form.fullmatch(text)), "")


def of_header_names(names: Iterable[str]) -> str:
    """Of headers where ``ce_*`` headers are missing."""
    for name in names:
        if name.startswith("ce-"):
            return " There are ce-… headers; over Kafka the prefix is ce_."
        if name[:3] in ("CE_", "Ce_", "cE_", "CE-", "Ce-"):
            return " There are CE_… headers; over Kafka the prefix is ce_ in lower case."
        if name.lower().startswith("cloudevents"):
            return " There are cloudEvents… headers, as of AMQP; over Kafka the prefix is ce_."
    return ""


def of_names(missing: str, given: Iterable[str]) -> str:
    """Of an object that lacks a member but has one that differs in case or separators."""
    form = folded(missing)
    if any(len(name) < 2 * len(missing) and folded(name) == form for name in given):
        return " It is there in another spelling: case, underscores or hyphens differ."
    return ""


def of_key(key: bytes | None, member: str, wanted: str, others: Mapping[str, str]) -> str:
    """Return what a key that is not the text of this member is. Not a sentence: it follows "but".

    ``others`` are further texts of the event that may have been taken for it, by name.
    """
    if key is None:
        return "there is none"
    if not key:
        return "it is empty"
    text = key.decode()
    for name, other in others.items():
        if text == other:
            return f"it is the event's {name}"
    if _loose(text) == _loose(wanted):
        return "it differs in case, blanks or Unicode normal form"
    try:
        parsed = orjson.loads(key)
    except orjson.JSONDecodeError:
        parsed = None
    if parsed == wanted:
        return f"it is the {member} in JSON quotes: use a serializer of plain text"
    if isinstance(parsed, dict):
        return "it is a JSON object: use a serializer of plain text"
    return f"it is another text of {counted(len(text), 'character')}"


def _loose(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()
