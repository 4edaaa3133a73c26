"""From a record to an event, or to the one reason why it is none."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, Self

import orjson

from below_the_line.contracts.contract import Contract
from below_the_line.contracts.conversions import CONVERSIONS, Conversion
from below_the_line.contracts.envelope import Headers, is_judged, read_envelope, says_only_structured
from below_the_line.contracts.events import Event, Record, Rejection, order_key
from below_the_line.contracts.parsing import MAX_BYTES, Document, decode_utf8, parse_exactly, parse_quickly
from below_the_line.contracts.rejecting import Rejected, reject, shown

_new = tuple.__new__
"""Makes a named tuple three times as fast as its name does."""


class Contracts:
    """The contracts of all event types, and the topic that each belongs to. Immutable; may be shared by threads."""

    def __init__(
        self,
        contracts: Mapping[str, Contract],
        topic_of: Mapping[str, str],
        quick_parser: Callable[[bytes], Document | None] = parse_quickly,
        conversions: Mapping[str, Conversion] = CONVERSIONS,
    ) -> None:
        """``quick_parser`` may be replaced by one that always passes: everything then takes the exact path."""
        self._contracts = dict(contracts)
        self._topic_of = dict(topic_of)
        self._parse_quickly = quick_parser
        self._conversions = dict(conversions)

    @property
    def event_types(self) -> tuple[str, ...]:
        """All types that are known, in the order of the topics."""
        return tuple(self._topic_of)

    def topic_of(self, event_type: str) -> str | None:
        """The topic that events of this type belong to, or None for an unknown type."""
        return self._topic_of.get(event_type)

    def with_topics(self, names: Mapping[str, str]) -> Self:
        """The same contracts where topics have other names: from the catalogue's name to the one in use."""
        topic_of = {event_type: names.get(topic, topic) for event_type, topic in self._topic_of.items()}
        return type(self)(self._contracts, topic_of, self._parse_quickly, self._conversions)

    def with_conversions(self, conversions: Mapping[str, Conversion]) -> Self:
        """The same contracts, further versions of which are read in this way."""
        return type(self)(self._contracts, self._topic_of, self._parse_quickly, conversions)

    def read_as(self, event_type: str) -> str:
        """The type of the events that ``decode`` makes of this one: itself, or the one that it is converted to."""
        conversion = self._conversions.get(event_type)
        return event_type if conversion is None else conversion.event_type

    def decode(self, record: Record) -> Event | Rejection:
        """The event in a record, or the first reason that applies why there is none.

        Depends on nothing but the record, so that a replay judges alike. Never raises, whatever the bytes are.
        """
        try:
            document = self._parse(record)
            envelope = read_envelope(document, record.headers)
            event_type, event_id, source, (occurred_at, _), _, verbatim_data, _ = envelope
            if self._topic_of.get(event_type) != record.topic:
                self._refuse_type(event_type, record.topic)
            data = self._contracts[event_type].read(envelope, record.timestamp)
        except Rejected as rejected:
            return rejected.rejection
        article_id: str = data["article_id"]
        if record.key != article_id.encode():
            message = f"The record's key must be the article_id {shown(article_id)}, but is {shown(record.key)}."
            return Rejection("contract", "key_mismatch", "/data/article_id", message, event_type)
        digest = content_digest(event_type, occurred_at, verbatim_data)
        version = order_key(occurred_at, event_id, source, digest)
        if event_type in self._conversions:
            event_type, convert = self._conversions[event_type]
            data = convert(data)
        return _new(Event, (event_type, event_id, source, occurred_at, article_id, data, digest, version))

    def _parse(self, record: Record) -> Document:
        raw = record.value
        if not raw:
            reject("no_value", "The record has no value; an event is expected, and there are no tombstones here.")
        if len(raw) > MAX_BYTES:
            reject("too_large", f"The value has {len(raw)} bytes; at most {MAX_BYTES} are allowed.")
        key = record.key
        if key is None or (key.isascii() and b"\0" not in key):
            headers = record.headers
            if not headers or (len(headers) == 1 and says_only_structured(headers[0])) or _are_plain(headers):
                document = self._parse_quickly(raw)
                if document is not None:
                    return document
        return parse_exactly(raw, _texts_beside(record))

    def _refuse_type(self, event_type: str, topic: str) -> NoReturn:
        home = self._topic_of.get(event_type)
        if home is None:
            reject("unknown_type", f"The type {shown(event_type)} is not known.", "/type")
        reject("unknown_type", f"Events of type {event_type} belong to topic {home}, not to {shown(topic)}.", "/type")


def content_digest(event_type: str, occurred_at: int, data: Any) -> bytes:
    """SHA-256 over type, time (microseconds since 1970) and ``data`` as canonical JSON: 32 bytes.

    Canonical: names sorted by code point, no white space, UTF-8 not ASCII-escaped, numbers as read (as ``orjson.Fragment``).
    """
    canonical = orjson.dumps(data, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(b"%b\n%d\n%b" % (event_type.encode(), occurred_at, canonical)).digest()


def _are_plain(headers: Headers) -> bool:
    """Whether all names, and the values of the headers that count, are ASCII without U+0000."""
    for name, value in headers:
        if not name.isascii() or "\0" in name:
            return False
        if value and (b"\0" in value or not value.isascii()) and is_judged(name):
            return False
    return True


def _texts_beside(record: Record) -> list[str]:
    """Key, names and values of the headers that count, as text. Raises Rejected (not_utf8), also for foreign names."""
    texts = [] if record.key is None else [decode_utf8(record.key, "the key")]
    for name, value in record.headers:
        try:
            name.encode()
        except UnicodeEncodeError:
            reject("not_utf8", f"The bytes of a header's name are not UTF-8: {shown(name)}.")
        if is_judged(name):
            texts.append(name)
            if value is not None:
                texts.append(decode_utf8(value, f"the header {shown(name)}"))
    return texts
