"""CloudEvents 1.0 over Kafka: an event's attributes and data, in structured or in binary mode."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, NoReturn

from below_the_line.contracts.rejection import escaped, reject, shown
from below_the_line.contracts.strict_json import Document, canonical
from below_the_line.contracts.times import Instant, instant

MAX_NAME_BYTES = 200
"""The limit of ``id`` and of ``source`` in UTF-8."""
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
"""Makes a named tuple three times as fast as its class does."""

Headers = Sequence[tuple[str, bytes | None]]


class Envelope(NamedTuple):
    """A CloudEvent with valid attributes. Its type and data are not validated yet."""

    type: str
    id: str
    source: str
    time: str
    """The attribute as sent."""
    occurred_at: Instant
    """``time`` as a point in time. It may be out of bounds."""
    data: Any
    """ABSENT if the event has no data."""
    canonical_data: bytes
    """``data`` as ``strict_json.canonical`` writes it, numbers as sent; empty without data."""
    has_data_base64: bool


def is_read(header_name: str) -> bool:
    """Whether the value of a header is read. Of other headers only the name is checked."""
    return header_name == "content-type" or header_name.startswith("ce_")


def means_structured(header: tuple[str, bytes | None]) -> bool:
    """Whether a header is a content-type in a common form that means structured mode.

    Most records have only this header. Then nothing else has to be checked.
    """
    return header[0] == "content-type" and header[1] in _STRUCTURED


def read_envelope(document: Document, headers: Headers) -> Envelope:
    """Find the mode and check the attributes. Raises Rejected (not_cloudevent).

    The headers must be UTF-8.
    """
    value = document.value
    if len(headers) == 1 and means_structured(headers[0]):
        is_structured = True
    elif headers:
        content_type, bound = _read_headers(headers)
        is_structured = content_type is not None and _is_structured(content_type)
        if bound and not is_structured:
            if (
                content_type == ""
            ):  # In binary mode the content-type is the attribute datacontenttype.
                _reject_attribute({"datacontenttype": ""}, "datacontenttype", _TEXT_OR_NOTHING)
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
            "The record is not a CloudEvent: it has neither a ce_specversion header nor a member"
            " specversion.",
            "/specversion",
        )
    attributes = _attributes(value)
    data = value.get("data", ABSENT)
    canonical_data = b"" if data is ABSENT else canonical(document.verbatim["data"])
    has_data_base64 = "data_base64" in value and value["data_base64"] is not None
    return _new(Envelope, (*attributes, data, canonical_data, has_data_base64))


def _read_headers(headers: Headers) -> tuple[str | None, dict[str, str | None]]:
    """Return the content-type and the attributes of the ``ce_*`` headers."""
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
    # Long ones are not cached: they could fill the memory.
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
    """Return the media type in lower case, and the charset if it is not UTF-8."""
    media_type = content_type.partition(";")[0].strip().lower()
    for name, setting in _PARAMETERS(content_type):
        if name.lower() == "charset" and setting.strip().strip('"').lower() not in (
            "utf-8",
            "utf8",
        ):
            return media_type, setting.strip()
    return media_type, None


def _attributes(attributes: Mapping[str, Any]) -> tuple[str, str, str, str, Instant]:
    """Return type, id, source, time as sent, and time as a point in time.

    Raises Rejected (not_cloudevent) for the first attribute that is wrong.
    """
    get = attributes.get
    if get("specversion") != "1.0":
        _reject_attribute(attributes, "specversion", 'must be "1.0"')
    event_id, source, kind, time = get("id"), get("source"), get("type"), get("time")
    if type(event_id) is not str or not event_id:
        _reject_attribute(attributes, "id", "must be a text that is not empty")
    if len(event_id) > MAX_NAME_BYTES or (
        not event_id.isascii() and len(event_id.encode()) > MAX_NAME_BYTES
    ):
        _reject_attribute(attributes, "id", f"must have at most {MAX_NAME_BYTES} bytes")
    if type(source) is not str or not source:
        _reject_attribute(attributes, "source", "must be a text that is not empty")
    if len(source) > MAX_NAME_BYTES or (
        not source.isascii() and len(source.encode()) > MAX_NAME_BYTES
    ):
        _reject_attribute(attributes, "source", f"must have at most {MAX_NAME_BYTES} bytes")
    if type(kind) is not str or not kind:
        _reject_attribute(attributes, "type", "must be a text that is not empty")
    occurred_at = instant(time) if type(time) is str else None
    if type(time) is not str or occurred_at is None:
        _reject_attribute(
            attributes, "time", "must be a time as of RFC 3339, such as 2026-11-23T10:00:00Z"
        )
    for name in _OPTIONAL_ATTRIBUTES:
        setting = get(name)
        if setting is not None and (type(setting) is not str or not setting):
            _reject_attribute(attributes, name, _TEXT_OR_NOTHING)
    return kind, event_id, source, time, occurred_at


def _reject_attribute(attributes: Mapping[str, Any], name: str, rule: str) -> NoReturn:
    found = f"is {shown(attributes[name])}" if name in attributes else "is missing"
    reject("not_cloudevent", f"The attribute {name} {rule}, but {found}.", f"/{name}")
