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
import orjson
from msgspec import UNSET, Meta, UnsetType

from below_the_line.contracts.contract import Contract
from below_the_line.contracts.data_types import Finish
from below_the_line.contracts.envelope import (
    ATTRIBUTES,
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
    MAX_DEPTH,
    canonical,
    has_escaped_nul_or_colon,
    is_plain,
)
from below_the_line.contracts.time_bounds import EARLIEST, PAST, latest_times
from below_the_line.contracts.times import Instant, instant, to_datetime

_Name = Annotated[str, Meta(min_length=1, max_length=MAX_NAME_BYTES)]
_Setting = Annotated[str, Meta(min_length=1)] | None | UnsetType
_ATTRIBUTES = (
    ("specversion", Literal["1.0"]),
    ("id", _Name),
    ("source", _Name),
    ("time", str),
    ("subject", _Setting, UNSET),
    ("datacontenttype", _Setting, UNSET),
    ("dataschema", _Setting, UNSET),
)
_BEFORE_DATA = b',"data":'
_READ = frozenset({*ATTRIBUTES, "data"})
_FAULTS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_encode = msgspec.json.Encoder().encode
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_new = tuple.__new__
"""Makes a named tuple three times as fast as its class does."""


class _Kind(NamedTuple):
    """How the events of one type are read."""

    event_type: str
    topic: str
    finish: Finish
    decode_data: Callable[[bytes], Any]


class FastReader:
    """Reads the events of all types that can be said as a struct. Immutable; threads may share
    it.
    """

    def __init__(self, contracts: Mapping[str, Contract], topic_of: Mapping[str, str]) -> None:
        self._by_type: dict[str, _Kind] = {}
        self._by_struct: dict[type, _Kind] = {}
        for event_type, contract in contracts.items():
            if contract.data_type.unsaid:
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
        if len(whole) != len(raw):
            found = _with_unknown(raw, whole, data)
            if found is None:
                return None
            data = found
        elif b"\\" in raw and b"\\u0000" in raw:
            return None
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
        if len(encoded) != len(raw):
            found = _with_unknown_data(raw, encoded)
            if found is None:
                return None
            encoded = found
        elif b"\\" in raw and b"\\u0000" in raw:
            return None
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


# What a struct reads is encoded as it was sent, or shorter: without blanks, escapes, unknown
# members and names that came twice. So of equal length it is what was sent. Else colons are
# counted: each member has one, and none is encoded as an escape. Fewer than were sent mean an
# unknown member, or a name that came twice.


def _with_unknown(raw: bytes, whole: bytes, data: bytes) -> bytes | None:
    """Return the canonical data of an event in structured mode that may have members which its
    struct does not know. None: it has U+0000, a name twice, or what only the exact path reads.

    ``whole`` is what the struct knows of the event, encoded, and ``data`` is that part of it.
    """
    if b"\\" in raw and has_escaped_nul_or_colon(raw):
        return None
    more = raw.count(b":") - whole.count(b":")
    if not more:
        return data
    try:
        members = _members(raw)
    except _FAULTS:
        return None
    for name, member in members.items():
        if name not in _READ:
            value = bytes(member)
            if name == "data_base64" or not _is_attribute(value):
                return None
            more -= 1 + name.count(":") + value.count(b":")
    sent = bytes(members["data"])
    more_in_data = sent.count(b":") - data.count(b":")
    if more != more_in_data:
        return None
    return _canonical(sent, 2) if more_in_data else data


def _with_unknown_data(raw: bytes, data: bytes) -> bytes | None:
    """Return the same for ``data`` alone, the value in binary mode."""
    if b"\\" in raw and has_escaped_nul_or_colon(raw):
        return None
    return data if raw.count(b":") == data.count(b":") else _canonical(raw, 1)


def _is_attribute(raw: bytes) -> bool:
    """Whether bytes are valid JSON of a kind that extension attributes have."""
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return False
    return is_plain((value,), b"", MAX_DEPTH)


def _canonical(raw: bytes, depth: int) -> bytes | None:
    """Return the canonical form of an object with any members, nested ``depth`` deep. None: a name
    came twice, or something else is left to the exact path.
    """
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    if not is_plain(value.values(), raw, depth):
        return None
    found = canonical(value)
    return found if found.count(b":") == raw.count(b":") else None
