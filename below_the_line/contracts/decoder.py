"""Decoding: from a record to an event, or to the one reason why it is rejected."""

from collections.abc import Callable, Mapping
from hashlib import sha256 as _sha256
from typing import NoReturn, Self

from below_the_line.contracts.contract import Contract
from below_the_line.contracts.conversions import CONVERSIONS, Conversion
from below_the_line.contracts.envelope import (
    Envelope,
    Headers,
    is_read,
    means_structured,
    read_envelope,
)
from below_the_line.contracts.events import Event, Record, Rejection, order_key
from below_the_line.contracts.fast_path import read_fast
from below_the_line.contracts.rejection import Rejected, reject, shown
from below_the_line.contracts.strict_json import (
    MAX_BYTES,
    Document,
    decode_utf8,
    parse_exactly,
    parse_quickly,
)

_new = tuple.__new__
"""Makes a named tuple three times as fast as its class does."""


class Contracts:
    """The contracts of all event types, and the topic of each. Immutable; threads may share it."""

    def __init__(
        self,
        contracts: Mapping[str, Contract],
        topic_of: Mapping[str, str],
        fast_reader: Callable[[bytes], Envelope | None] = read_fast,
        quick_parser: Callable[[bytes], Document | None] = parse_quickly,
        conversions: Mapping[str, Conversion] = CONVERSIONS,
    ) -> None:
        """Tests replace ``fast_reader`` and ``quick_parser`` by functions that return None, so that
        every record takes the exact path.
        """
        self._contracts = dict(contracts)
        self._topic_of = dict(topic_of)
        self._read_fast = fast_reader
        self._parse_quickly = quick_parser
        self._conversions = dict(conversions)

    @property
    def event_types(self) -> tuple[str, ...]:
        """All known types in the order of the topics."""
        return tuple(self._topic_of)

    def topic_of(self, event_type: str) -> str | None:
        """Return the topic of an event type; None for an unknown type."""
        return self._topic_of.get(event_type)

    def with_topics(self, names: Mapping[str, str]) -> Self:
        """Return the same contracts for topics with other names: the catalogue's name to the one in
        use.
        """
        topic_of = {
            event_type: names.get(topic, topic) for event_type, topic in self._topic_of.items()
        }
        return type(self)(
            self._contracts, topic_of, self._read_fast, self._parse_quickly, self._conversions
        )

    def with_conversions(self, conversions: Mapping[str, Conversion]) -> Self:
        """Return the same contracts with other conversions."""
        return type(self)(
            self._contracts, self._topic_of, self._read_fast, self._parse_quickly, conversions
        )

    def read_as(self, event_type: str) -> str:
        """Return the type of the events that ``decode`` makes from this type: the same type, or the
        one that it is converted to.
        """
        conversion = self._conversions.get(event_type)
        return event_type if conversion is None else conversion.event_type

    def decode(self, record: Record) -> Event | Rejection:
        """Return the event in a record, or the first reason why it is rejected.

        Depends on the record alone, so that a replay gives the same result. Never raises.
        """
        try:
            envelope = self._read_envelope(record)
            event_type, event_id, source, _, (occurred_at, _), _, canonical_data, _ = envelope
            if self._topic_of.get(event_type) != record.topic:
                self._reject_type(event_type, record.topic)
            data = self._contracts[event_type].read(envelope, record.timestamp)
        except Rejected as rejected:
            return rejected.rejection
        article_id: str = data["article_id"]
        if record.key != article_id.encode():
            message = (
                f"The record's key must be the article_id {shown(article_id)}, but is"
                f" {shown(record.key)}."
            )
            return Rejection("contract", "key_mismatch", "/data/article_id", message, event_type)
        digest = content_digest(event_type, occurred_at, canonical_data)
        version = order_key(occurred_at, event_id, source, digest)
        if event_type in self._conversions:
            event_type, convert = self._conversions[event_type]
            data = convert(data)
        return _new(
            Event, (event_type, event_id, source, occurred_at, article_id, data, digest, version)
        )

    def _read_envelope(self, record: Record) -> Envelope:
        raw, key, headers = record.value, record.key, record.headers
        if not raw:
            reject(
                "no_value",
                "The record has no value; an event is expected, and there are no tombstones here.",
            )
        if len(raw) > MAX_BYTES:
            reject("too_large", f"The value has {len(raw)} bytes; at most {MAX_BYTES} are allowed.")
        document = None
        if key is None or (key.isascii() and b"\0" not in key):
            if not headers or (len(headers) == 1 and means_structured(headers[0])):
                envelope = self._read_fast(raw)
                if envelope is not None:
                    return envelope
                document = self._parse_quickly(raw)
            elif _are_plain(headers):
                document = self._parse_quickly(raw)
        if document is None:
            document = parse_exactly(raw, _texts_beside(record))
        return read_envelope(document, headers)

    def _reject_type(self, event_type: str, topic: str) -> NoReturn:
        home = self._topic_of.get(event_type)
        if home is None:
            reject("unknown_type", f"The type {shown(event_type)} is not known.", "/type")
        reject(
            "unknown_type",
            f"Events of type {event_type} belong to topic {home}, not to {shown(topic)}.",
            "/type",
        )


def content_digest(event_type: str, occurred_at: int, canonical_data: bytes) -> bytes:
    """Return the SHA-256 (32 bytes) of type, time (microseconds since 1970) and ``data``, which is
    written by ``strict_json.canonical``.
    """
    return _sha256(f"{event_type}\n{occurred_at}\n".encode() + canonical_data).digest()


def _are_plain(headers: Headers) -> bool:
    """Whether all names, and the values of headers that are read, are ASCII without U+0000."""
    for name, value in headers:
        if not name.isascii() or "\0" in name:
            return False
        if value and (b"\0" in value or not value.isascii()) and is_read(name):
            return False
    return True


def _texts_beside(record: Record) -> list[str]:
    """Return the key, and names and values of the headers that are read, as text.

    Raises Rejected (not_utf8), also for the name of any other header.
    """
    texts = [] if record.key is None else [decode_utf8(record.key, "the key")]
    for name, value in record.headers:
        try:
            name.encode()
        except UnicodeEncodeError:
            reject("not_utf8", f"The bytes of a header's name are not UTF-8: {shown(name)}.")
        if is_read(name):
            texts.append(name)
            if value is not None:
                texts.append(decode_utf8(value, f"the header {shown(name)}"))
    return texts
