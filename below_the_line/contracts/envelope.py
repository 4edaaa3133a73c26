"""CloudEvents 1.0 over Kafka: an event's attributes and data, in structured or in binary mode."""

import re
from binascii import a2b_base64
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from below_the_line.contracts import resemblance
from below_the_line.contracts.events import Rejection
from below_the_line.contracts.rejection import Rejected, described, reject, rejection
from below_the_line.contracts.strict_json import Document, canonical
from below_the_line.contracts.times import Instant, instant

MAX_NAME_BYTES = 200
"""The limit of ``id`` and of ``source`` in UTF-8."""
ABSENT: Any = object()
_OPTIONAL_ATTRIBUTES = ("subject", "dataschema", "datacontenttype")
ATTRIBUTES = ("specversion", "id", "source", "type", "time", *_OPTIONAL_ATTRIBUTES)
"""Those that are read, in the order in which their faults count."""
_PARAMETERS = re.compile(r';\s*([^=;\s]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)').findall
_OTHER_FORMATS = {
    "application/cloudevents-batch+json": " It is a batch: send each event as a record of its own.",
    "application/cloudevents+avro": " It is Avro.",
    "application/cloudevents+protobuf": " It is Protobuf.",
}
_BASE64 = re.compile("(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?").fullmatch
_TEXT = "must be a text that is not empty"
_TEXT_OR_NOTHING = f"{_TEXT}, or be left out"
_MAX_CACHED = 100
_STRUCTURED = frozenset(
    f"application/cloudevents+json{charset}".encode()
    for charset in ("", "; charset=utf-8", "; charset=UTF-8")
)
_new = tuple.__new__
"""Makes a named tuple three times as fast as its class does."""

Headers = Sequence[tuple[str, bytes | None]]


class Encoded(NamedTuple):
    """The member ``data_base64``, which SDKs write when they are given bytes."""

    raw: bytes
    """The bytes that it holds."""
    fault: str | None
    """Why they are not read as ``data``; then ``raw`` is empty."""


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
    encoded: Encoded | None
    """``data_base64`` if it is given. Its bytes are not read yet."""


def is_read(header_name: str) -> bool:
    """Whether the value of a header is read. Of other headers only the name is checked."""
    return header_name == "content-type" or header_name.startswith("ce_")


def means_structured(header: tuple[str, bytes | None]) -> bool:
    """Whether a header is a content-type in a common form that means structured mode.

    Most records have only this header. Then nothing else has to be checked.
    """
    return header[0] == "content-type" and header[1] in _STRUCTURED


class Parts(NamedTuple):
    """The parts of a CloudEvent whose mode is known. Nothing is validated yet."""

    attributes: Mapping[str, Any]
    data: Any
    """ABSENT if the event has no data."""
    verbatim: Any
    """``data`` with its numbers as sent (``Document.verbatim``)."""
    encoded: Encoded | None
    headers: Headers
    """Those of binary mode; empty in structured mode."""


def read_envelope(document: Document, headers: Headers) -> Envelope:
    """Find the mode and check the attributes. Raises Rejected (not_cloudevent).

    The headers must be UTF-8.
    """
    attributes, data, verbatim, encoded, bound = find_parts(document, headers)
    return _new(
        Envelope,
        (
            *read_attributes(attributes, bound),
            data,
            b"" if data is ABSENT else canonical(verbatim),
            encoded,
        ),
    )


def find_parts(document: Document, headers: Headers) -> Parts:
    """Find the mode, and with it the parts of an event. Raises Rejected (not_cloudevent)."""
    value = document.value
    if len(headers) == 1 and means_structured(headers[0]):
        is_structured = True
    elif headers:
        content_type, bound = read_headers(headers)
        is_structured = content_type is not None and is_structured_type(content_type)
        if bound and not is_structured:
            if (
                content_type == ""
            ):  # In binary mode the content-type is the attribute datacontenttype.
                raise Rejected(_attribute_fault("datacontenttype", _TEXT_OR_NOTHING, ""))
            encoded = (
                None
                if bound.get("data_base64") is None
                else Encoded(b"", "It is not known in binary mode, where the value is the data.")
            )
            return _new(Parts, (bound, value, document.verbatim, encoded, headers))
    else:
        is_structured = False
    if type(value) is not dict:
        reject(
            "not_cloudevent",
            f"A CloudEvent in structured mode is a JSON object, not {described(value)}."
            f"{resemblance.of_header_names(name for name, _ in headers)}"
            f"{resemblance.of_object(value)}",
        )
    if not is_structured and "specversion" not in value:
        reject(
            "not_cloudevent",
            "The record is not a CloudEvent: it has neither a ce_specversion header nor a member"
            " specversion."
            f"{resemblance.of_header_names(name for name, _ in headers)}"
            f"{resemblance.of_object(value) or resemblance.of_names('specversion', value)}",
            "/specversion",
        )
    text = value.get("data_base64")
    return _new(
        Parts,
        (
            value,
            value.get("data", ABSENT),
            document.verbatim.get("data"),
            None if text is None else _encoded(text, value),
            (),
        ),
    )


def _encoded(text: Any, event: Mapping[str, Any]) -> Encoded:
    """Read data_base64 of an event in structured mode."""
    content_type = event.get("datacontenttype")
    media_type = (
        content_type.partition(";")[0].strip().lower()
        if type(content_type) is str
        else "application/json"
    )
    if "data" in event:
        fault = "It is given beside data: give one of them."
    elif media_type != "application/json" and not media_type.endswith("+json"):
        fault = "datacontenttype says that its bytes are not JSON, but data must be JSON."
    elif type(text) is not str or not _BASE64(text):
        fault = f"It is not base64 (RFC 4648 section 4, padded), but {described(text)}."
    else:
        return Encoded(a2b_base64(text), None)
    return Encoded(b"", fault)


def are_plain(headers: Headers) -> bool:
    """Whether all names, and the values of headers that are read, are ASCII without U+0000."""
    for name, value in headers:
        if not name.isascii() or "\0" in name:
            return False
        if value and (b"\0" in value or not value.isascii()) and is_read(name):
            return False
    return True


def read_headers(headers: Headers) -> tuple[str | None, dict[str, str | None]]:
    """Return the content-type and the attributes of the ``ce_*`` headers. Raises Rejected."""
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
                is_known = name[3:] in ATTRIBUTES
                reject(
                    "not_cloudevent",
                    f"{f'The header {name}' if is_known else 'A ce_ header'} is given twice.",
                    f"/{name[3:]}" if is_known else None,
                )
            attributes[name[3:]] = None if raw is None else raw.decode()
    return content_type, attributes


def is_structured_type(content_type: str) -> bool:
    """Whether a content-type means structured mode. Raises Rejected."""
    # Long ones are not cached: they could fill the memory.
    read = _media_type if len(content_type) <= _MAX_CACHED else _media_type.__wrapped__
    media_type, charset = read(content_type)
    if charset is not None:
        reject(
            "not_cloudevent",
            "The header content-type names a charset other than UTF-8.",
        )
    if not media_type.startswith("application/cloudevents"):
        return False
    if media_type != "application/cloudevents+json":
        reject(
            "not_cloudevent",
            "The event format that the header content-type names is not"
            f" application/cloudevents+json.{_OTHER_FORMATS.get(media_type, '')}",
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


def read_attributes(
    attributes: Mapping[str, Any], headers: Headers = ()
) -> tuple[str, str, str, str, Instant]:
    """Return type, id, source, time as sent, and time as a point in time.

    Raises Rejected (not_cloudevent) for the first attribute that is wrong. ``headers`` are those of
    binary mode.
    """
    get = attributes.get
    event_id, source, kind, time = get("id"), get("source"), get("type"), get("time")
    occurred_at = instant(time) if type(time) is str else None
    if (
        get("specversion") != "1.0"
        or type(event_id) is not str
        or type(source) is not str
        or type(kind) is not str
        or type(time) is not str
        or not (event_id and source and kind)
        or len(event_id) > MAX_NAME_BYTES
        or len(source) > MAX_NAME_BYTES
        or occurred_at is None
        or not (event_id.isascii() or len(event_id.encode()) <= MAX_NAME_BYTES)
        or not (source.isascii() or len(source.encode()) <= MAX_NAME_BYTES)
    ):
        raise Rejected(next(attribute_faults(attributes, headers)))
    for name in _OPTIONAL_ATTRIBUTES:
        setting = get(name)
        if setting is not None and (type(setting) is not str or not setting):
            raise Rejected(next(attribute_faults(attributes, headers)))
    return kind, event_id, source, time, occurred_at


def attribute_faults(attributes: Mapping[str, Any], headers: Headers = ()) -> Iterator[Rejection]:
    """Yield what is wrong with an event's attributes, in the order in which faults count.

    ``headers`` are those of binary mode.
    """
    for name in ATTRIBUTES:
        setting: Any = attributes.get(name)
        is_text = type(setting) is str and setting != ""
        rule = None
        if name == "specversion":
            rule = None if setting == "1.0" else 'must be "1.0"'
        elif name in _OPTIONAL_ATTRIBUTES:
            rule = None if setting is None or is_text else _TEXT_OR_NOTHING
        elif name == "time":
            if not is_text or instant(setting) is None:
                rule = "must be a time as of RFC 3339, such as 2026-11-23T10:00:00Z"
        elif not is_text:
            rule = _TEXT
        elif name != "type" and len(setting.encode()) > MAX_NAME_BYTES:
            rule = f"must have at most {MAX_NAME_BYTES} bytes"
        if rule is not None:
            found = attributes.get(name, ABSENT)
            hint = ""
            if found is ABSENT:
                hint = resemblance.of_header_names(header for header, _ in headers)
                hint = hint or resemblance.of_names(name, attributes)
                if name == "time" and not hint:
                    hint = (
                        " It is optional in CloudEvents, and needed here, since it orders events."
                        " Many SDKs set it only on request (withTime, WithTimeNow)."
                    )
            elif name in ("specversion", "time") and is_text:
                hint = resemblance.of_time(setting) if name == "time" else _of_version(setting)
            yield _attribute_fault(name, rule, found, hint)


def _of_version(text: str) -> str:
    return " It stands in quotes: send it as text." if text == '"1.0"' else ""


def _attribute_fault(name: str, rule: str, found: Any, hint: str = "") -> Rejection:
    if found is ABSENT:
        what = "is missing"
    elif type(found) is str and "bytes" in rule:
        what = f"has {len(found.encode())}"
    else:
        what = f"is {described(found)}"
    return rejection(
        "not_cloudevent", f"The attribute {name} {rule}, but {what}.{hint}", f"/{name}"
    )
