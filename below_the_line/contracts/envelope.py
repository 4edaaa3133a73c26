"""CloudEvents 1.0 over Kafka: finds an event's attributes and data, in structured or in binary
mode.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, NoReturn

from below_the_line.contracts.rejection import escaped, reject, shown
from below_the_line.contracts.strict_json import Document, canonical
from below_the_line.contracts.times import Instant, instant

MAX_NAME_BYTES = 200
"""Of ``id`` and ``source``."""
ABSENT: Any = object()
_OPTIONAL_ATTRIBUTES = ("subject", "dataschema", "datacontenttype")
_PARAMETERS = re.compile(r';\s*([^=;\s]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)').findall
_TEXT_OR_NOTHING = "must be a text that is not empty, or be left out"
_LONGEST_SHOWN_NAME = 100
_STRUCTURED = frozenset(
    f"application/cloudevents+json{charset}".encode()
    for charset in ("", "; charset=utf-8", "; charset=UTF-8")
)
_new = tuple.__new__
"""Makes a named tuple three times as fast as its name does."""

Headers = Sequence[tuple[str, bytes | None]]


class Envelope(NamedTuple):
    """A CloudEvent whose attributes are in order; its type and data are not judged yet."""

    type: str
    id: str
    source: str
    time: str
    """As sent."""
    occurred_at: Instant
    """The same, read. Perhaps out of bounds."""
    data: Any
    """ABSENT if there is none."""
    canonical_data: bytes
    """As ``parsing.canonical`` writes it, numbers as sent; empty if there is none."""
    has_data_base64: bool


def is_judged(header_name: str) -> bool:
    """Whether a header is one of ours; all others are foreign, and only their names are looked
    at.
    """
    return header_name == "content-type" or header_name.startswith("ce_")


def says_only_structured(header: tuple[str, bytes | None]) -> bool:
    """Whether a header is a content-type, written in the usual way, that means structured mode.

    As the only header of a record, which it mostly is, it needs no second look.
    """
    return header[0] == "content-type" and header[1] in _STRUCTURED


def read_envelope(document: Document, headers: Headers) -> Envelope:
    """Find the mode and check the attributes. Raises Rejected (not_cloudevent). Headers are UTF-8
    by now.
    """
    value = document.value
    if len(headers) == 1 and says_only_structured(headers[0]):
        is_structured = True
    elif headers:
        content_type, bound = _judged_headers(headers)
        is_structured = content_type is not None and _is_structured(content_type)
        if bound and not is_structured:
            if content_type == "":  # which is what binary mode makes of datacontenttype
                _refuse({"datacontenttype": ""}, "datacontenttype", _TEXT_OR_NOTHING)
            return _new(Envelope, (*_attributes(bound), value, canonical(document.verbatim), False))
    else:
        is_structured = False
    if type(value) is not dict:
        reject(
            "not_cloudevent",
            f"A CloudEvent in structured mode is a JSON object, not {shown(value)}.",
        )
    if not is_structured and "specversion" not in value:
        reject(
            "not_cloudevent",
            "The record is no CloudEvent: it has neither a ce_specversion header nor a member"
            " specversion.",
            "/specversion",
        )
    attributes = _attributes(value)
    data = value.get("data", ABSENT)
    canonical_data = b"" if data is ABSENT else canonical(document.verbatim["data"])
    has_data_base64 = "data_base64" in value and value["data_base64"] is not None
    return _new(Envelope, (*attributes, data, canonical_data, has_data_base64))


def _judged_headers(headers: Headers) -> tuple[str | None, dict[str, str | None]]:
    """The content-type, and the attributes of the ``ce_*`` headers."""
    content_type: str | None = None
    has_content_type = False
    attributes: dict[str, str | None] = {}
    for name, raw in headers:
        if name == "content-type":
            if has_content_type:
                reject("not_cloudevent", "The header content-type is given twice.")
            has_content_type = True
            content_type = None if raw is None else raw.decode()
        elif name.startswith("ce_"):
            if name[3:] in attributes:
                pointer = f"/{escaped(name[3:])}" if len(name) <= _LONGEST_SHOWN_NAME else None
                reject("not_cloudevent", f"The header {shown(name)} is given twice.", pointer)
            attributes[name[3:]] = None if raw is None else raw.decode()
    return content_type, attributes


def _is_structured(content_type: str) -> bool:
    # Long ones are not worth keeping, and could fill the memory.
    read = _media_type if len(content_type) <= _LONGEST_SHOWN_NAME else _media_type.__wrapped__
    media_type, charset = read(content_type)
    if charset is not None:
        reject(
            "not_cloudevent",
            f"The content-type {shown(content_type)} names a charset other than UTF-8.",
        )
    if not media_type.startswith("application/cloudevents"):
        return False
    if media_type != "application/cloudevents+json":
        reject(
            "not_cloudevent",
            f"The event format {shown(content_type)} is not application/cloudevents+json.",
        )
    return True


@lru_cache(maxsize=64)
def _media_type(content_type: str) -> tuple[str, str | None]:
    """The media type, in lower case, and a charset other than UTF-8, if one is named."""
    media_type = content_type.partition(";")[0].strip().lower()
    for name, setting in _PARAMETERS(content_type):
        if name.lower() == "charset" and setting.strip().strip('"').lower() not in (
            "utf-8",
            "utf8",
        ):
            return media_type, setting.strip()
    return media_type, None


def _attributes(attributes: Mapping[str, Any]) -> tuple[str, str, str, str, Instant]:
    """Type, id, source and time, as sent and as read. Raises Rejected (not_cloudevent) for the
    first that is not in order.
    """
    get = attributes.get
    if get("specversion") != "1.0":
        _refuse(attributes, "specversion", 'must be "1.0"')
    event_id, source, kind, time = get("id"), get("source"), get("type"), get("time")
    if type(event_id) is not str or not event_id:
        _refuse(attributes, "id", "must be a text that is not empty")
    if len(event_id) > MAX_NAME_BYTES or (
        not event_id.isascii() and len(event_id.encode()) > MAX_NAME_BYTES
    ):
        _refuse(attributes, "id", f"must have at most {MAX_NAME_BYTES} bytes")
    if type(source) is not str or not source:
        _refuse(attributes, "source", "must be a text that is not empty")
    if len(source) > MAX_NAME_BYTES or (
        not source.isascii() and len(source.encode()) > MAX_NAME_BYTES
    ):
        _refuse(attributes, "source", f"must have at most {MAX_NAME_BYTES} bytes")
    if type(kind) is not str or not kind:
        _refuse(attributes, "type", "must be a text that is not empty")
    occurred_at = instant(time) if type(time) is str else None
    if type(time) is not str or occurred_at is None:
        _refuse(attributes, "time", "must be a time as of RFC 3339, such as 2026-11-23T10:00:00Z")
    for name in _OPTIONAL_ATTRIBUTES:
        setting = get(name)
        if setting is not None and (type(setting) is not str or not setting):
            _refuse(attributes, name, _TEXT_OR_NOTHING)
    return kind, event_id, source, time, occurred_at


def _refuse(attributes: Mapping[str, Any], name: str, rule: str) -> NoReturn:
    found = f"is {shown(attributes[name])}" if name in attributes else "is missing"
    reject("not_cloudevent", f"The attribute {name} {rule}, but {found}.", f"/{name}")
