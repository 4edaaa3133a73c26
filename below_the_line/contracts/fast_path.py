"""Reads and validates events in one pass: envelope and data as one ``msgspec.Struct`` for each
event type (``data_types``), in either mode.

Nearly every record is read here. Every other record is left to the exact path (``strict_json``,
``envelope``, ``contract``), which alone says what is wrong. For what is read here, both give the
same event.
"""

import operator
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import UNSET, Meta, UnsetType

from below_the_line.contracts.contract import Contract
from below_the_line.contracts.data_types import Finish
from below_the_line.contracts.envelope import (
    MAX_NAME_BYTES,
    are_plain,
    is_structured_type,
    means_structured,
    read_attributes,
    read_headers,
)
from below_the_line.contracts.events import Event, Record, content_digest, order_key
from below_the_line.contracts.rejection import Rejected
from below_the_line.contracts.strict_json import (
    MAX_BYTES,
    MAX_INTEGER,
    canonical,
    has_escaped_nul_or_colon,
    parse_quickly,
)
from below_the_line.contracts.time_bounds import EARLIEST, PAST, latest_times
from below_the_line.contracts.times import Instant, instant, to_datetime

_Name = Annotated[str, Meta(min_length=1, max_length=MAX_NAME_BYTES)]
_Setting = Annotated[str, Meta(min_length=1)] | None | UnsetType
_EXTENSIONS = (
    *("authid", "authtype", "causationid", "correlationid", "dataref", "expirytime"),
    *("partitionkey", "recordedtime", "sequence", "traceparent", "tracestate"),
)
"""Attributes that CloudEvents documents as extensions, and that SDKs and brokers add. Nothing reads
them; they are members of the struct, so that an event with them is read in one pass, too.
"""
_ATTRIBUTES: tuple[Any, ...] = (
    ("specversion", Literal["1.0"]),
    ("id", _Name),
    ("source", _Name),
    ("time", str),
    ("subject", _Setting, UNSET),
    ("datacontenttype", _Setting, UNSET),
    ("dataschema", _Setting, UNSET),
    *((name, str | None | UnsetType, UNSET) for name in _EXTENSIONS),
)
_BEFORE_DATA = b',"data":'
_FAULTS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
# Zero is left out: "-0" would be encoded as "0".
_Simple = str | bool | Annotated[int, Meta(ge=1, le=MAX_INTEGER)] | None
_encode = msgspec.json.Encoder().encode
_decode_simple = msgspec.json.Decoder(dict[str, _Simple | list[str] | dict[str, _Simple]]).decode
_new = tuple.__new__
"""Makes a named tuple three times as fast as its class does."""


class _OnlyData(msgspec.Struct, gc=False):
    """The bytes of an event's data. All else is skipped."""

    data: msgspec.Raw


_decode_only_data = msgspec.json.Decoder(_OnlyData).decode


class _Kind(NamedTuple):
    """How the events of one type are read."""

    event_type: str
    topic: str
    finish: Finish
    decode_data: Callable[[bytes], Any]


class FastReader:
    """Reads the events of all types that can be said as a struct and name an article. Immutable;
    threads may share it.
    """

    def __init__(self, contracts: Mapping[str, Contract], topic_of: Mapping[str, str]) -> None:
        self._by_type: dict[str, _Kind] = {}
        self._by_struct: dict[type, _Kind] = {}
        for event_type, contract in contracts.items():
            # An event that names none is rare. Another key would cost every other event a call.
            if contract.data_type.unsaid or not contract.names_article:
                continue
            data = contract.data_type.struct
            event = msgspec.defstruct(
                f"{data.__name__}Event",
                # Data is the last one: its canonical form is the end of the event's.
                [*_ATTRIBUTES, ("data", data)],
                tag_field="type",
                tag=event_type,
                kw_only=True,
                gc=False,
                module=__name__,
            )
            self._by_type[event_type] = self._by_struct[event] = _Kind(
                event_type,
                topic_of[event_type],
                contract.finish,
                msgspec.json.Decoder(data).decode,
            )
        self._decode: Callable[[bytes], Any] = _none_of_them
        if self._by_struct:
            union: Any = reduce(operator.or_, self._by_struct)
            self._decode = msgspec.json.Decoder(union).decode

    def read(self, record: Record) -> Event | None:
        """Return the event in a record, before conversions; None: it is left to the exact path."""
        raw, headers = record.value, record.headers
        if not raw or len(raw) > MAX_BYTES:
            return None
        if not headers or (len(headers) == 1 and means_structured(headers[0])):
            return self._structured(record, raw)
        if not are_plain(headers):
            return None
        try:
            content_type, attributes = read_headers(headers)
            if content_type is not None and is_structured_type(content_type):
                attributes = {}
            if attributes:
                return self._binary(record, raw, content_type, attributes)
            return self._structured(record, raw)
        except Rejected:
            return None

    def _structured(self, record: Record, raw: bytes) -> Event | None:
        try:
            event = self._decode(raw)
        except _FAULTS:
            return None
        whole = _encode(event)
        data = whole[whole.index(_BEFORE_DATA) + len(_BEFORE_DATA) : -1]
        unread = _unread(raw, whole)
        if unread is None:
            return None
        if unread:
            found = _with_unknown(bytes(_decode_only_data(raw).data), data, unread)
            if found is None:
                document = parse_quickly(raw)
                if document is None or "data_base64" in document.value:
                    return None
                found = canonical(document.verbatim["data"])
            data = found
        event_id, source, time = event.id, event.source, event.time
        if not whole.isascii() and (
            len(event_id.encode()) > MAX_NAME_BYTES or len(source.encode()) > MAX_NAME_BYTES
        ):
            return None
        occurred_at = instant(time)
        if occurred_at is None:
            return None
        kind = self._by_struct[type(event)]
        return _finished(record, kind, event_id, source, time, occurred_at, event.data, data)

    def _binary(
        self,
        record: Record,
        raw: bytes,
        content_type: str | None,
        attributes: Mapping[str, str | None],
    ) -> Event | None:
        """Raises Rejected."""
        if content_type == "" or attributes.get("data_base64") is not None:
            return None
        event_type, event_id, source, time, occurred_at = read_attributes(attributes)
        kind = self._by_type.get(event_type)
        if kind is None:
            return None
        try:
            data = kind.decode_data(raw)
        except _FAULTS:
            return None
        encoded = _encode(data)
        unread = _unread(raw, encoded)
        if unread is None:
            return None
        if unread:
            found = _with_unknown(raw, encoded, unread)
            if found is None:
                document = parse_quickly(raw)
                if document is None:
                    return None
                found = canonical(document.verbatim)
            encoded = found
        return _finished(record, kind, event_id, source, time, occurred_at, data, encoded)


def _none_of_them(_: Any) -> Any:
    raise msgspec.ValidationError


def _finished(
    record: Record,
    kind: _Kind,
    event_id: str,
    source: str,
    time: str,
    occurred_at: Instant,
    data: Any,
    canonical_data: bytes,
) -> Event | None:
    """Return the event if what its struct can't say is right, too."""
    event_type, topic, finish, _ = kind
    since_1970, moment = occurred_at
    article_id = data.article_id
    latest = latest_times(record.timestamp)
    if (
        record.topic != topic
        or record.key != article_id.encode()
        or not EARLIEST <= since_1970 <= latest[PAST]
    ):
        return None
    if moment is None:
        moment = to_datetime(since_1970)
    if not finish(data, canonical_data.isascii(), time, moment, latest):
        return None
    digest = content_digest(event_type, since_1970, canonical_data)
    version = order_key(since_1970, event_id, source, digest)
    return _new(
        Event, (event_type, event_id, source, since_1970, article_id, data, digest, version)
    )


def _unread(raw: bytes, encoded: bytes) -> int | None:
    """Return how many colons were sent that a struct did not read: of unknown members, and of names
    that came twice. None for texts with U+0000, and where colons cannot be counted.

    ``encoded`` is the struct, encoded again.
    """
    # What is encoded is never longer than it was sent. With the same length nothing else was sent.
    if len(raw) == len(encoded):
        return None if b"\\" in raw and b"\\u0000" in raw else 0
    if b"\\" in raw and has_escaped_nul_or_colon(raw):
        return None
    # Each member has one colon, and a colon is never encoded as an escape.
    return raw.count(b":") - encoded.count(b":")


def _with_unknown(raw: bytes, known: bytes, unread: int) -> bytes | None:
    """Return the canonical form of data with simple members that its struct does not know. None:
    there are others, or they are not all that was not read.

    ``known`` is what the struct knows, encoded.
    """
    try:
        found = canonical(_decode_simple(raw))
    except _FAULTS:
        return None
    return found if found.count(b":") - known.count(b":") == unread else None
